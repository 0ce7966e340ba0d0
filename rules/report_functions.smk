# Input functions of the report: all of an experiment's evaluations, losses, times and adapters.
# Sources that are on the map of adapters.
MAPPED = f"(generated|{'|'.join(GENERATORS)})/draw_[0-2]|generated/[a-z_]+/draw_0|constant|weight_average|multi_task"


def evaluated_tasks(name):
    """The held-out tasks of an experiment's summary."""
    return experiment(name).takes_turns


def all_evaluations(wildcards):
    return [f"results/{wildcards.experiment}/evaluation/{task}.json" for task in evaluated_tasks(wildcards.experiment)]


def all_predictions(wildcards):
    return [path.replace(".json", ".predictions.parquet") for path in all_evaluations(wildcards)]


def all_cards(wildcards):
    """The model cards of the generated adapters."""
    name = wildcards.experiment
    adapters = [file for task in evaluated_tasks(name) for file in generated(name, task).values()]
    return [os.path.join(os.path.dirname(file), "README.md") for file in adapters]


def trained_tasks(name):
    """Every task of which an experiment's summary needs an adapter."""
    return experiment(name).trained


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
    """Name of a decoder in the figures to its losses, or of another generator that is trained; one in closed form has
    none."""
    name = wildcards.experiment
    return {
        f"{'' if kind == main_kind(name) else kind} {held_out} {run}".strip(" /"): os.path.join(
            os.path.dirname(generator_file(name, kind, held_out, run)), "metrics.csv"
        )
        for kind in makers(name)
        if GENERATORS[kind].seeded
        for held_out in experiment(name).turns
        for run in runs(name, kind)
    }


def maker_of(kind):
    """The rule that makes a generator of a kind."""
    if kind == "hyperconv":
        return rules.decoder
    return rules.learned_generator if GENERATORS[kind].learned else rules.generator


def all_benchmarks(wildcards):
    """What Snakemake measured of every job that makes or scores an adapter; other times alone draw no figure anew."""
    name = wildcards.experiment
    chosen, files = experiment(name), []
    of_adapters = {"experiment": adapters_of(name), "epoch": range(1, chosen.checkpoints.epochs + 1)}
    of_generated = {"experiment": name, "run": runs(name, main_kind(name)), "draw": range(chosen.evaluation.draws)}
    evaluated, turns = {"task": evaluated_tasks(name)}, {"held_out": list(chosen.turns)}
    for rule, values in (
        (rules.prompt_variants, {**of_generated, **evaluated}),
        (rules.control, {**of_generated, **turns, "control": "weight_average"}),
        (rules.control, {**of_generated, "held_out": evaluated["task"], "control": NEAREST}),
        (rules.multi_task, {**of_generated, **turns, "pooled": pooled_controls(name)}),
        (rules.constant, {**of_generated, **turns}),
        (rules.evaluate, {**of_generated, **evaluated}),
    ):
        files += expand(rule.benchmark, **values)
    for kind, by in makers(name).items():
        of_kind = {**of_generated, "run": runs(name, kind), "generator": kind, "by": by}
        files += expand(maker_of(kind).benchmark, **of_kind, **turns)
        files += of_jobs_of_draws("generate", chosen, **of_kind, **evaluated)
    files += of_jobs_of_draws("prompt_controls", chosen, **of_generated, **evaluated)
    shared = {other: adapters_together(other) for other in sharing_adapters(adapters_of(name))}
    files += of_jobs("finetune", shared, trained_tasks(name), **of_adapters)
    files += of_jobs("checkpoints", shared, trained_tasks(name), **of_adapters)
    shared = {name: chosen.together(chosen.jobs.embeddings)}
    files += of_jobs("embeddings", shared, trained_tasks(name), experiment=name)
    return [ancient(file) for file in dict.fromkeys(files)]


def of_jobs(rule, shared, tasks, **values):
    """Benchmarks of a rule whose tasks may share jobs, by the experiment that has these, and of those that share none."""
    jobs = [
        (f"results/{name}/benchmarks/{rule}/together_{number}.tsv", together)
        for name, by_job in shared.items()
        for number, together in enumerate(by_job, 1)
    ]
    alone = [task for task in tasks if not any(task in together for _, together in jobs)]
    files = [file for file, together in jobs if set(together) & set(tasks)]
    return files + expand(getattr(rules, rule).benchmark, **values, task=alone)


def of_jobs_of_draws(rule, chosen, **values):
    """Benchmarks of a rule that makes draws, one by one or so many together as the experiment `chosen` says."""
    together, one_by_one = chosen.draws_together, getattr(rules, rule).benchmark
    shared = [f"{draws[0]}_to_{draws[-1]}" for draws in together]
    alone = [draw for draw in range(chosen.evaluation.draws) if not any(draw in draws for draws in together)]
    pattern = one_by_one.replace("draw_{draw}", "draws_{draws}")
    return expand(pattern, draws=shared, **values) + expand(one_by_one, **{**values, "draw": alone})


def mapped_adapters(wildcards):
    """Adapters on the map as (kind:task, file): those trained, and a few of every other kind per held-out task."""
    name = wildcards.experiment
    places = [(f"trained:{task}", last_epoch(name, task)) for task in trained_tasks(name)]
    for task in evaluated_tasks(name):
        evaluated = evaluated_adapters(SimpleNamespace(experiment=name, task=task))
        mapped = {source: file for source, file in evaluated.items() if re.fullmatch(MAPPED, source)}
        # The folder says for which task, or which group, an adapter is.
        of = {source: re.search("/(generated|controls)/([^/]+)/", file)[2] for source, file in mapped.items()}
        places += [(f"{re.sub('[/]draw_.', '', source)}:{of[source]}", file) for source, file in mapped.items()]
    return list(dict.fromkeys(places))
