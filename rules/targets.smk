# What no rule makes: a target with a slip in a name, a folder, or a name without its ending is answered with what was meant.
FOUND_AT = f"({'|'.join(map(re.escape, EXPERIMENT_FILES))})"
MADE = [
    "(raw|models|logs|benchmarks)/.+",
    f"{FOUND_AT}/(logs|benchmarks)/.+",
    f"{FOUND_AT}/samples/{TASK_NAME}/[a-z]+[.]parquet",
    f"{FOUND_AT}/adapters/{TASK_NAME}/epoch_[1-9][0-9]*/({'|'.join(EPOCH_FILES.values())})",
    f"{FOUND_AT}/(checkpoints|embeddings)/{TASK_NAME}[.]parquet",
    f"{FOUND_AT}/centroids/{TASK_NAME}[.]safetensors",
    f"{FOUND_AT}/decoder/{HELD_OUT}/(seed_[0-9]+/)?(decoder[.]safetensors|metrics[.]csv|run[.]json)",
    f"{FOUND_AT}/generators/[a-z_]+/{HELD_OUT}/(seed_[0-9]+/)?(generator[.]safetensors|metrics[.]csv|run[.]json)",
    f"{FOUND_AT}/generator/([a-z]+[.]safetensors|metrics[.]csv|run[.]json|config[.]json|README[.]md)",
    f"{FOUND_AT}/adapters_for/.+[.](safetensors|json|md)",
    f"{FOUND_AT}/((generators/[a-z_]+/)?generated/{TASK_NAME}|controls/{HELD_OUT})/.+[.](safetensors|json|md|parquet)",
    f"{FOUND_AT}/evaluation/{TASK_NAME}[.](json|predictions[.]parquet)",
    f"{FOUND_AT}/(figures/[a-z]+[.]png|summary[.][a-z.]+)",
]


rule no_such_target:
    input:
        explain_target,
    output:
        "results/{target}",
    wildcard_constraints:
        target=f"(?!({'|'.join(MADE)})$).+",
