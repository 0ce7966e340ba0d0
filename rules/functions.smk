# Params and input functions: what each rule takes from the tables of common.smk.
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
    """Distinct prompts that a decoder will ask for. It only decides on failure: as a function of `input` it is no reason
    to make samples again."""
    return experiment(wildcards.experiment).decoder.num_prompts if wildcards.split == "train" else 0


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


def last_epoch(experiment_name, task):
    """The adapter of a task after its last epoch."""
    epochs = experiment(experiment_name).checkpoints.epochs
    return f"results/{adapters_of(experiment_name)}/adapters/{task}/epoch_{epochs}/{ADAPTER}"


def training_adapters(wildcards):
    return [last_epoch(wildcards.experiment, task) for task in training_tasks(wildcards)]


def training_checkpoints(wildcards):
    owner = adapters_of(wildcards.experiment)
    return [f"results/{owner}/checkpoints/{task}.parquet" for task in training_tasks(wildcards)]


def training_embeddings(wildcards):
    return [f"results/{wildcards.experiment}/embeddings/{task}.parquet" for task in training_tasks(wildcards)]


def training_samples(wildcards):
    return [f"results/{wildcards.experiment}/samples/{task}/train.parquet" for task in training_tasks(wildcards)]


def seen_tasks(wildcards):
    """Tasks whose train splits were seen before the evaluation: to learn from, or as unlabeled prompts."""
    return [*training_tasks(wildcards), wildcards.held_out]


def seen_samples(wildcards):
    return [f"results/{wildcards.experiment}/samples/{task}/train.parquet" for task in seen_tasks(wildcards)]


def foreign_embeddings(wildcards):
    """Prompts of a training task instead of the held-out one's: another task for every draw, in turn."""
    embeddings = training_embeddings(wildcards)
    return embeddings[int(wildcards.draw) % len(embeddings)]


def evaluated_adapters(wildcards):
    """Source name to adapter file, in the order in which an evaluation lists them."""
    free_answers(wildcards)  # an evaluation that will not be is refused here, before adapters are planned for it
    name, held_out = wildcards.experiment, wildcards.held_out
    controls, draws = f"results/{name}/controls/{held_out}", range(experiment(name).evaluation.draws)
    adapters = {f"trained/{task}": last_epoch(name, task) for task in training_tasks(wildcards)}
    adapters |= {control: f"{controls}/{control}/{ADAPTER}" for control in ADAPTER_CONTROLS}
    adapters |= {"target_trained": last_epoch(name, held_out)}
    for run in decoder_runs(name):
        drawn = {"generated": f"results/{name}/generated/{held_out}/{run}"}
        drawn |= {f"generated/{control}": f"{controls}/{run}{control}/" for control in PROMPT_CONTROLS}
        adapters |= {
            f"{source}/{run}draw_{draw}": f"{folder}draw_{draw}/{ADAPTER}"
            for source, folder in drawn.items()
            for draw in draws
        }
        adapters |= {f"constant/{run}"[:-1]: f"{controls}/{run}constant/{ADAPTER}"}
    return adapters


def evaluated_files(wildcards):
    return list(evaluated_adapters(wildcards).values())


def evaluated_names(wildcards):
    return list(evaluated_adapters(wildcards))


def free_answers(wildcards):
    """The option with how a freely answered task is scored; what a file of questions holds is not known yet."""
    name, held_out = wildcards.experiment, wildcards.held_out
    task = task_entry(held_out)
    if "response" in task and "score" not in task:
        target = f"results/{name}/generated/{held_out}/draw_0/{ADAPTER}"
        raise WorkflowError(f"{held_out}: it is answered freely and has no score; what can be had is {target}")
    if task.get("score", {}).get("kind") == "code" and not experiment(name).evaluation.execute_code:
        raise WorkflowError(
            f"{held_out}: its score runs code that a model wrote; {name} lacks evaluation.execute_code: true"
        )
    return ["--free", as_argument({key: task[key] for key in ("score", "max_new_tokens")})] if "score" in task else []


def without_count(section, count):
    """Params function: a section without the number of its products, so that one more does not redo the others."""

    def rest(wildcards):
        chosen = getattr(experiment(wildcards.experiment), section).given()
        return as_argument({key: entry for key, entry in chosen.items() if key != count})

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
    return readable(targets.explain_target, wildcards.target, EXPERIMENT_FILES, TASK_TABLE)
