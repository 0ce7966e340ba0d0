# Input functions of the report: all of an experiment's evaluations, losses, times and adapters.
from types import SimpleNamespace

# Sources that are on the map of adapters.
MAPPED = "generated/draw_[0-2]|generated/[a-z_]+/draw_0|constant|weight_average|multi_task"


def held_out_tasks(name):
    """The tasks that take their turn in an experiment's summary."""
    return experiment(name).takes_turns


def all_evaluations(wildcards):
    return [f"results/{wildcards.experiment}/evaluation/{task}.json" for task in held_out_tasks(wildcards.experiment)]


def all_cards(wildcards):
    """The model cards of the generated adapters."""
    name, draws = wildcards.experiment, range(experiment(wildcards.experiment).evaluation.draws)
    return [
        f"results/{name}/generated/{task}/{run}draw_{draw}/README.md"
        for task in held_out_tasks(name)
        for run in decoder_runs(name)
        for draw in draws
    ]


def trained_tasks(name):
    """Every task of which an experiment's summary needs an adapter."""
    chosen = experiment(name)
    return list(dict.fromkeys([*(chosen.training_tasks or chosen.tasks), *held_out_tasks(name)]))


def all_runs(wildcards):
    """What every epoch of every task recorded."""
    name, epochs = wildcards.experiment, experiment(wildcards.experiment).checkpoints.epochs
    folders = [
        f"results/{adapters_of(name)}/adapters/{task}/epoch_{k}"
        for task in trained_tasks(name)
        for k in range(1, epochs + 1)
    ]
    return [f"{folder}/{EPOCH_FILES['run']}" for folder in folders]


def all_decoders(wildcards):
    """Name of a decoder in the figures to its losses."""
    name = wildcards.experiment
    return {
        f"{task} {run}".strip(" /"): f"results/{name}/decoder/{task}/{run}metrics.csv"
        for task in held_out_tasks(name)
        for run in decoder_runs(name)
    }


def all_benchmarks(wildcards):
    """What Snakemake measured of every job that makes or scores an adapter; other times alone draw no figure anew."""
    name = wildcards.experiment
    wanted = {
        "experiment": name,
        "task": trained_tasks(name),
        "held_out": held_out_tasks(name),
        "run": decoder_runs(name),
        "draw": range(experiment(name).evaluation.draws),
        "control": CONTROLS,
    }
    of_adapters = {
        **wanted,
        "experiment": adapters_of(name),
        "epoch": range(1, experiment(name).checkpoints.epochs + 1),
    }
    files = [expand(rule.benchmark, **of_adapters) for rule in (rules.finetune, rules.checkpoints)]
    others = (
        rules.embeddings,
        rules.prompt_variants,
        rules.decoder,
        rules.generate,
        rules.control,
        rules.multi_task,
        rules.prompt_controls,
        rules.constant,
        rules.evaluate,
    )
    files += [expand(rule.benchmark, **wanted) for rule in others]
    return [ancient(file) for file in dict.fromkeys(sum(files, []))]


def mapped_adapters(wildcards):
    """Adapters on the map as (kind:task, file): those trained, and a few of every other kind per held-out task."""
    name = wildcards.experiment
    places = [(f"trained:{task}", last_epoch(name, task)) for task in trained_tasks(name)]
    for task in held_out_tasks(name):
        evaluated = evaluated_adapters(SimpleNamespace(experiment=name, held_out=task))
        mapped = {source: file for source, file in evaluated.items() if re.fullmatch(MAPPED, source)}
        places += [(re.sub("[/]draw_.", "", source) + f":{task}", file) for source, file in mapped.items()]
    return places
