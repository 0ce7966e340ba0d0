# Params and input functions: what each rule takes from the tables of common.smk.
from types import SimpleNamespace

from p2w.config.places import FILES, is_own, local_files, location, rendering


def raw_files(wildcards):
    """Local files that a raw table is made from: none when it is downloaded."""
    source = SOURCES[wildcards.source]
    files = readable(local_files, source, TASK_TABLE["tasks"][wildcards.task], wildcards.split)
    return files or ([os.path.relpath(ROOT / "p2w/pocket/world.yaml")] if source["kind"] == "pocket" else [])


def raw_source(wildcards):
    return as_argument(SOURCES[wildcards.source])


def raw_location(wildcards):
    """The part of a task's entry that says where its rows are."""
    return as_argument(location(TASK_TABLE["tasks"][wildcards.task]))


def raw_questions(wildcards):
    """The option for rows that are questions as the user wrote them; of a dataset the entry says how to read them."""
    return "" if "question" in TASK_TABLE["tasks"][wildcards.task] else "--questions"


def raw_table(wildcards):
    """The raw table behind a P2W split; that of the user's own files is one for all experiments."""
    task, source = task_entry(wildcards.task), experiment(wildcards.experiment).source
    if wildcards.split not in task["splits"]:
        raise WorkflowError(f"{wildcards.task}: no split {wildcards.split!r}; splits: {', '.join(task['splits'])}")
    source = FILES if is_own(SOURCES[source], task) else source
    return f"results/raw/{source}/{wildcards.task.partition('.')[0]}/{task['splits'][wildcards.split]}.parquet"


def task_rendering(wildcards):
    """The part of a task's entry that says how a row becomes a sample."""
    return as_argument(rendering(task_entry(wildcards.task)))


def task_format(wildcards):
    """The option with a task's answer format; a freely answered task has none."""
    name = task_entry(wildcards.task).get("format")
    return ["--format", as_argument(TASK_TABLE["formats"][name])] if name else []


def least_prompts(wildcards, input):
    """Distinct prompts that a generator will ask for. It only decides on failure: as a function of `input` it is no reason
    to make samples again."""
    return experiment(wildcards.experiment).least_prompts if wildcards.split == "train" else 0


def previous_epoch(wildcards):
    """The files that an epoch goes on from: none for the first."""
    epoch = int(wildcards.epoch) - 1
    folder = f"results/{wildcards.experiment}/adapters/{wildcards.task}/epoch_{epoch}"
    return [f"{folder}/{name}" for name in EPOCH_FILES.values()] if epoch else []


def epoch_files(wildcards):
    """Everything that the epochs of a task left for its checkpoint table."""
    epochs = experiment(wildcards.experiment).checkpoints.epochs
    folder = f"results/{wildcards.experiment}/adapters/{wildcards.task}"
    return [f"{folder}/epoch_{k}/{EPOCH_FILES['snapshots']}" for k in range(1, epochs + 1)]


def sharing_adapters(owner):
    """The experiments that use the adapters of this one: itself, and its heirs."""
    return [owner, *(name for name in EXPERIMENT_FILES if name != owner and adapters_of(name) == owner)]


@cache
def adapters_together(name):
    """The tasks of an experiment whose adapters share a job, by job: those that none before it trains among the
    experiments with the same adapters."""
    chosen, sharing = experiment(name), sharing_adapters(adapters_of(name))
    others = [experiment(other).trained for other in sharing[: sharing.index(name)]]
    return chosen.together(chosen.jobs.finetune, without=sum(others, ()))


# Of draws that share a job the first and the last, to the experiments in which they do.
DRAWS_TOGETHER = {}
for name in EXPERIMENT_FILES:
    for draws in experiment(name).draws_together:
        DRAWS_TOGETHER.setdefault((draws[0], draws[-1]), []).append(name)


def held_out_somewhere(names):
    """A pattern for the tasks that some of these experiments hold out."""
    return one_of(sorted({task for name in names for task in experiment(name).takes_turns}))


def one_of(names):
    """A pattern for names; of none, one that nothing matches."""
    return "|".join(map(re.escape, names)) or "(?!)"


def about(name, function):
    """An input or params function for a rule without wildcards, which gives what it would for an experiment."""

    def given(wildcards):
        return function(SimpleNamespace(experiment=name))

    return given


def listed(values):
    """Params function: values that follow from the outputs, and so are no reason of their own to run again."""
    values = list(values)

    def given(wildcards, output):
        return values

    return given


def files_of_draws(folder, draws, **values):
    """The files of an adapter for each draw, whose folder is given with `{draw}` and the names of `values` in it."""
    return expand(f"{folder}/{{file}}", draw=draws, file=[ADAPTER, "adapter_config.json", "run.json"], **values)


def of_draws(function, draws):
    """Input function: what `function` gives for each draw, one after the other."""

    def given(wildcards):
        of_each = [function(SimpleNamespace(**dict(wildcards.items()), draw=draw)) for draw in draws]
        return [file for files in of_each for file in files]

    return given


def each_once(function):
    """Input function: what `function` gives, without what is in it again; Snakemake hashes inputs for every output."""

    def given(wildcards):
        return list(dict.fromkeys(function(wildcards)))

    return given


def adapters_among_outputs(wildcards, output):
    """Params function: of a job's files the adapters."""
    return [file for file in output if file.endswith(ADAPTER)]


def in_place_of(one, many):
    """A rule whose job makes what many jobs of another rule would comes first, and takes what that one takes of the
    machine, with what a profile says of it, when that one would."""
    workflow.ruleorder(many, one)
    of_many, of_one = getattr(rules, many).rule, getattr(rules, one).rule
    of_many.resources, of_many.priority = of_one.resources, of_one.priority


def last_epoch(experiment_name, task):
    """The adapter of a task after its last epoch."""
    epochs = experiment(experiment_name).checkpoints.epochs
    return f"results/{adapters_of(experiment_name)}/adapters/{task}/epoch_{epochs}/{ADAPTER}"


def training_adapters(wildcards):
    return [last_epoch(wildcards.experiment, task) for task in training_tasks(wildcards)]


def training_checkpoints(wildcards):
    owner = adapters_of(wildcards.experiment)
    return [f"results/{owner}/checkpoints/{task}.parquet" for task in training_tasks(wildcards)]


def checkpoints_of_task(wildcards):
    return f"results/{adapters_of(wildcards.experiment)}/checkpoints/{wildcards.task}.parquet"


def training_centroids(wildcards):
    return [f"results/{wildcards.experiment}/centroids/{task}.safetensors" for task in training_tasks(wildcards)]


def training_embeddings(wildcards):
    return [f"results/{wildcards.experiment}/embeddings/{task}.parquet" for task in training_tasks(wildcards)]


def training_samples(wildcards):
    return [f"results/{wildcards.experiment}/samples/{task}/train.parquet" for task in training_tasks(wildcards)]


def seen_tasks(wildcards):
    """Tasks whose train splits were seen before the evaluation: to learn from, or as unlabeled prompts."""
    return [*training_tasks(wildcards), wildcards.task]


def seen_samples(wildcards):
    return [f"results/{wildcards.experiment}/samples/{task}/train.parquet" for task in seen_tasks(wildcards)]


def without_counts(section, *counts):
    """Params function: a section without what says how many of its products, so that one more does not redo others."""

    def rest(wildcards):
        chosen = getattr(experiment(wildcards.experiment), section).given()
        return as_argument({key: entry for key, entry in chosen.items() if key not in counts})

    return rest


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


def packaged_model(wildcards):
    """The base model of that folder, as some experiment has it."""
    for spec in (experiment(name).base_model for name in EXPERIMENT_FILES):
        if spec.package and spec.packaged == wildcards.packaged:
            return as_argument({key: value for key, value in spec.given().items() if key != "dtype"})
    raise WorkflowError(f"no experiment has a base model from a package that {wildcards.packaged} names")


def explain_target(wildcards):
    """No file, but an error that says what is wrong with the target and what exists."""
    return readable(targets.explain_target, wildcards.target, EXPERIMENTS)
