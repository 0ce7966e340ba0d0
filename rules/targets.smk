# What no rule makes: a target with a slip in a name, a folder, or a name without its ending is answered with what was meant.
# Where names stand, and the shape of the rest: each list of names once, for a pattern of all of them is slow to compile.
OF_TASKS = [
    "samples/[^/]+/[a-z]+[.]parquet",
    f"adapters/[^/]+/epoch_[1-9][0-9]*/({'|'.join(EPOCH_FILES.values())})",
    "(checkpoints|embeddings)/[^/]+(?<![.]predictions)[.]parquet",
    "centroids/[^/]+[.]safetensors",
    "(generators/[a-z_]+/)?generated/[^/]+/.+[.](safetensors|json|md|parquet)",
    "evaluation/[^/]+[.](json|predictions[.]parquet)",
]
OF_TURNS = [
    "decoder/[^/]+/(seed_[0-9]+/)?(decoder[.]safetensors|metrics[.]csv|run[.]json)",
    "generators/[a-z_]+/[^/]+/(seed_[0-9]+/)?(generator[.]safetensors|metrics[.]csv|run[.]json)",
    "controls/[^/]+/.+[.](safetensors|json|md|parquet)",
]
OTHERS = [
    "(logs|benchmarks)/.+",
    "generator/([a-z]+[.]safetensors|metrics[.]csv|run[.]json|config[.]json|README[.]md)",
    "adapters_for/.+[.](safetensors|json|md)",
    "figures/[a-z]+[.]png",
    "summary[.][a-z.]+",
]
FOLDERS = "([a-z_]+/|generators/[a-z_]+/(generated/)?)"
NAMED_TASK = f"{FOLDERS}{TASK_NAME}(/|[.](parquet|safetensors|json|predictions[.]parquet)$)"
MADE = [
    "(raw|models|logs|benchmarks)/.+",
    f"({'|'.join(map(re.escape, EXPERIMENT_FILES))})/"
    f"((?={NAMED_TASK})({'|'.join(OF_TASKS)})|(?={FOLDERS}{HELD_OUT}/)({'|'.join(OF_TURNS)})|{'|'.join(OTHERS)})",
]


rule no_such_target:
    input:
        explain_target,
    output:
        "results/{target}",
    wildcard_constraints:
        target=f"(?!({'|'.join(MADE)})$).+",
