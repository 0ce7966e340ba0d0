# What no rule makes: a target with a slip in the name of its experiment, product or task is answered with what exists.
EXPERIMENT_NAME = "|".join(map(re.escape, EXPERIMENT_FILES))
NO_EXPERIMENT = f"(?!({EXPERIMENT_NAME}|raw|models|logs|benchmarks)/).+"
NO_PRODUCT = (
    f"({EXPERIMENT_NAME})/(?!({'|'.join(map(re.escape, (*targets.OF_TASKS, *targets.OTHERS)))})(/|$)).+"
)
NO_TASK = (
    f"({EXPERIMENT_NAME})/({'|'.join(targets.OF_TASKS)})/(?!{TASK_NAME}(/|[.](predictions[.])?(parquet|json)$)).+"
)


rule no_such_target:
    input:
        explain_target,
    output:
        "results/{target}",
    wildcard_constraints:
        target=f"{NO_EXPERIMENT}|{NO_PRODUCT}|{NO_TASK}",
