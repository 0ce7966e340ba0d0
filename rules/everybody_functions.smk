# What the generator for everybody learns from, and which experiments have one of which kind.
DECODERS = [name for name in EXPERIMENT_FILES if main_kind(name) == "hyperconv"]
LEARNED = [name for name in EXPERIMENT_FILES if GENERATORS[main_kind(name)].learned]
CLOSED = [name for name in EXPERIMENT_FILES if name not in (*DECODERS, *LEARNED)]


def every(place):
    """Input function: a file of every task that an experiment has an adapter of."""

    def files(wildcards):
        name = wildcards.experiment
        owner = adapters_of(name) if place.startswith("checkpoints") else name
        return [f"results/{owner}/{place.format(task=task)}" for task in experiment(name).trained]

    return files


def every_task(wildcards):
    return experiment(wildcards.experiment).trained


def own_generator(wildcards):
    return as_argument(experiment(wildcards.experiment).generator.given())
