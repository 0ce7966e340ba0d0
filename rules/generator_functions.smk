# Params and input functions of generators: which make adapters for a task, from which seeds, and what they made. {by} is
# empty for the experiment's own generator, or generators/{kind}/ for a further one.


def runs(name, kind):
    """Where the generators of an experiment's seeds stand: "" for its own seed, "seed_1/" and so on for the others, which
    only a kind that has a seed has."""
    return ["", *(f"seed_{other}/" for other in experiment(name).further_seeds(kind))]


def main_kind(name):
    return experiment(name).generator.kind


def makers(name):
    """Kind of every generator of an experiment to the {by} of what it makes, the main one first."""
    return {kind: "" if kind == main_kind(name) else f"generators/{kind}/" for kind in experiment(name).by_kind}


def has_closed_form(name):
    """Whether a generator of an experiment is fitted and not trained."""
    return not all(GENERATORS[kind].seeded for kind in makers(name))


def trained_generator(wildcards):
    """The generator that makes a task's adapters, or that of the held-out task or group that the path names."""
    name, by = wildcards.experiment, getattr(wildcards, "by", "")
    kind = Path(by).name if by else main_kind(name)
    if by and makers(name).get(kind) != by:
        raise WorkflowError(
            f"{name} has no further generator of kind {kind}; its generators: {', '.join(makers(name))}"
        )
    return generator_file(name, kind, turn(wildcards), wildcards.run)


def generator_file(name, kind, held_out, run):
    """Where a generator is; of all seeds one that has none."""
    if kind == "hyperconv":
        return f"results/{name}/decoder/{held_out}/{run}decoder.safetensors"
    return f"results/{name}/generators/{kind}/{held_out}/{run if GENERATORS[kind].seeded else ''}generator.safetensors"


def trained_generator_run(wildcards):
    return os.path.join(os.path.dirname(trained_generator(wildcards)), "run.json")


def generator_settings(wildcards):
    """The settings of an experiment's generator of the kind that the path names."""
    chosen = experiment(wildcards.experiment).by_kind
    if wildcards.generator not in chosen:
        raise WorkflowError(
            f"{wildcards.experiment} has no generator of kind {wildcards.generator}; its generators: {', '.join(chosen)}"
        )
    return as_argument(chosen[wildcards.generator].given())


def decoder_to_learn(wildcards):
    """The option with the decoder's settings, of a kind that trains one by what its adapters do."""
    kind = getattr(wildcards, "generator", main_kind(wildcards.experiment))
    settings = experiment(wildcards.experiment).decoder.given()
    return ["--decoder", as_argument(settings)] if GENERATORS[kind].has_decoder else []


def generated(name, task):
    """Source name to adapter file of what generators make of a task's prompts: `generated/…` for the main generator, the
    kind of a further one."""
    draws = range(experiment(name).evaluation.draws)
    return {
        f"{kind if by else 'generated'}/{run}draw_{draw}": f"results/{name}/{by}generated/{task}/{run}draw_{draw}/{ADAPTER}"
        for kind, by in makers(name).items()
        for run in runs(name, kind)
        for draw in draws
    }


def generated_source(wildcards):
    """Params function: the name that an evaluation has for a generated adapter."""
    source = Path(wildcards.by).name if wildcards.by else "generated"
    return f"{source}/{wildcards.run}draw_{wildcards.draw}"
