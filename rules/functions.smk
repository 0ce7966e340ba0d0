# Params and input functions: what each rule takes from the tables of common.smk.


def raw_files(wildcards):
    """Local files that a raw table is made from: none when it is downloaded or generated."""
    source, task = SOURCES[wildcards.source], TASK_TABLE["tasks"][wildcards.task]
    files = task.get("json") or task["hub"]["files"]
    if wildcards.split not in files:
        raise WorkflowError(f"{wildcards.task}: no raw split {wildcards.split!r}; raw splits: {', '.join(files)}")
    if "json" in task:
        return [files[wildcards.split]]
    if source["kind"] == "local":
        return [f"{source['root']}/{task['hub']['dataset']}/{files[wildcards.split]}"]
    return []


def raw_source(wildcards):
    return as_argument(SOURCES[wildcards.source])


def raw_location(wildcards):
    """The part of a task's entry that says where its rows are."""
    task = TASK_TABLE["tasks"][wildcards.task]
    return as_argument({key: task[key] for key in ("hub", "json", "splits") if key in task})


def raw_table(wildcards):
    """The raw table behind a P2W split."""
    source, splits = (
        experiment(wildcards.experiment)["source"],
        TASK_TABLE["tasks"][wildcards.task]["splits"],
    )
    if wildcards.split not in splits:
        raise WorkflowError(f"{wildcards.task}: no split {wildcards.split!r}; splits: {', '.join(splits)}")
    return f"results/raw/{source}/{wildcards.task}/{splits[wildcards.split]}.parquet"


def task_rendering(wildcards):
    """A task's entry without where its rows live: moving a dataset does not change a sample."""
    task = TASK_TABLE["tasks"][wildcards.task]
    return as_argument({key: entry for key, entry in task.items() if key not in ("hub", "json")})


def task_format(wildcards):
    """The option with a task's answer format; a freely answered task has none."""
    name = TASK_TABLE["tasks"][wildcards.task].get("format")
    return ["--format", as_argument(TASK_TABLE["formats"][name])] if name else []


def previous_epoch(wildcards):
    """The files that an epoch goes on from: none for the first."""
    epoch = int(wildcards.epoch) - 1
    folder = f"results/{wildcards.experiment}/adapters/{wildcards.task}/epoch_{epoch}"
    return [f"{folder}/{name}" for name in EPOCH_FILES.values()] if epoch else []


def epoch_files(wildcards):
    """Everything that the epochs of a task left for its checkpoint table."""
    epochs = experiment(wildcards.experiment)["checkpoints"]["epochs"]
    folder = f"results/{wildcards.experiment}/adapters/{wildcards.task}"
    return [f"{folder}/epoch_{k}/{EPOCH_FILES['snapshots']}" for k in range(1, epochs + 1)]


def last_epoch(experiment_name, task):
    """The adapter of a task after its last epoch."""
    epochs = experiment(experiment_name)["checkpoints"]["epochs"]
    return f"results/{adapters_of(experiment_name)}/adapters/{task}/epoch_{epochs}/{ADAPTER}"


def training_adapters(wildcards):
    return [last_epoch(wildcards.experiment, task) for task in training_tasks(wildcards)]


def training_checkpoints(wildcards):
    owner = adapters_of(wildcards.experiment)
    return [f"results/{owner}/checkpoints/{task}.parquet" for task in training_tasks(wildcards)]


def training_embeddings(wildcards):
    return [f"results/{wildcards.experiment}/embeddings/{task}.parquet" for task in training_tasks(wildcards)]


def evaluated_adapters(wildcards):
    """Source name to adapter file, in the order in which an evaluation lists them."""
    name, held_out = wildcards.experiment, wildcards.held_out
    if "response" in TASK_TABLE["tasks"][held_out]:
        target = f"results/{name}/generated/{held_out}/draw_0/{ADAPTER}"
        raise WorkflowError(f"{held_out}: free responses are not scored; what can be had is {target}")
    draws = range(experiment(name)["evaluation"]["draws"])
    adapters = {f"trained/{task}": last_epoch(name, task) for task in training_tasks(wildcards)}
    adapters |= {c: f"results/{name}/controls/{held_out}/{c}/{ADAPTER}" for c in CONTROLS}
    adapters |= {"target_trained": last_epoch(name, held_out)}
    return adapters | {
        f"generated/draw_{draw}": f"results/{name}/generated/{held_out}/draw_{draw}/{ADAPTER}" for draw in draws
    }


def evaluated_files(wildcards):
    return list(evaluated_adapters(wildcards).values())


def evaluated_names(wildcards):
    return list(evaluated_adapters(wildcards))


def without_count(section, count):
    """Params function: a section without the number of its products, so that one more does not redo the others."""

    def rest(wildcards):
        chosen = experiment(wildcards.experiment)[section]
        return as_argument({key: entry for key, entry in chosen.items() if key != count})

    return rest


def all_evaluations(wildcards):
    tasks = experiment(wildcards.experiment)["tasks"]
    return [f"results/{wildcards.experiment}/evaluation/{task}.json" for task in tasks]


def hub_model(wildcards):
    """Hub id from the name of a manifest, `owner--name--revision`."""
    owner, name, _ = wildcards.model.split("--")
    return f"{owner}/{name}"


def hub_revision(wildcards):
    """The full revision, as some experiment pins it."""
    specs = [read_experiment(name).get(kind, {}) for name in EXPERIMENT_FILES for kind in ("base_model", "encoder")]
    pinned = {spec["revision"] for spec in specs if spec.get("hub") == hub_model(wildcards)}
    for revision in sorted(pinned):
        if revision.startswith(wildcards.model.rsplit("--", 1)[1]):
            return revision
    raise WorkflowError(f"no experiment pins a revision of {hub_model(wildcards)} that {wildcards.model} names")
