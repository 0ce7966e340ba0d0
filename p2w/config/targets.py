"""What a target of the workflow that no rule makes was meant to be."""

import re

from p2w.config.experiments import Experiments, known, task_entry
from p2w.config.mistakes import named

# What a target's second part may be, and which of them are followed by a task.
OF_TASKS = ("samples", "adapters", "checkpoints", "embeddings", "centroids", "decoder", "generated", "controls",
            "evaluation")  # fmt: skip
OF_GROUPS = ("decoder", "controls")  # and which of those by a group of held-out tasks
GENERATORS = "generators"  # followed by a kind, then a held-out task or group, or what is generated for a task
OTHERS = (GENERATORS, "generator", "adapters_for", "figures", "summary.md", "summary.html", "summary.csv")

# Below an experiment's folder, a target without its end, and that end.
ENDS = (
    (r"", "/summary.md"),
    (r"/summary", ".md"),
    (r"/figures", "/accuracy.png"),
    (r"/samples/[^/]+", "/train.parquet"),
    (r"/samples/[^/]+/[^/.]+", ".parquet"),
    (r"/(checkpoints|embeddings)/[^/]+", ".parquet"),
    (r"/centroids/[^/]+", ".safetensors"),
    (r"/evaluation/[^/]+", ".json"),
    (r"/decoder/[^/]+(/seed_\d+)?", "/decoder.safetensors"),
    (r"/adapters/[^/]+", "/epoch_1/adapter_model.safetensors"),
    (r"/adapters/[^/]+/epoch_\d+", "/adapter_model.safetensors"),
    (r"/generator", "/README.md"),
    (r"/adapters_for/[^/]+", "/adapter_model.safetensors"),
    (r"(/generators/[^/]+)?/generated/[^/]+(/seed_\d+)?", "/draw_0/adapter_model.safetensors"),
    (r"(/generators/[^/]+)?/generated/[^/]+(/seed_\d+)?/draw_\d+", "/adapter_model.safetensors"),
    (r"/generators/[^/]+/(?!generated$)[^/]+", "/generator.safetensors"),
    (r"/controls/[^/]+", "/weight_average/adapter_model.safetensors"),
    (r"/controls/[^/]+/(weight_average|nearest_prompts|multi_task|multi_task_long)", "/adapter_model.safetensors"),
    (r"/controls/[^/]+/(seed_\d+/)?(constant|\w+_prompts/draw_\d+)", "/adapter_model.safetensors"),
)


def explain_target(target: str, experiments: Experiments) -> None:
    """ValueError that says what is wrong with a target `results/{target}` that no rule makes, and what may be meant."""
    where = named(f"results/{target}")
    try:
        meant = _meant(target.rstrip("/"), experiments)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if meant is None:
        raise ValueError(f"{where}: no such file can be made; see results/README.md")
    kind = "a folder" if target.endswith("/") or meant.startswith(f"{target}/") else "a name without its ending"
    raise ValueError(f"{where}: that is {kind}; did you mean results/{meant}?")


def _meant(target: str, experiments: Experiments) -> str | None:
    """The file that a folder or a name without ending stands for; ValueError on an unknown name."""
    experiment, _, inside = target.partition("/")
    known("experiment", experiment, sorted(experiments.files))
    kind, _, rest = inside.partition("/")
    if kind not in ("", "summary"):
        known("product", kind, (*OF_TASKS, *OTHERS))
    if kind == GENERATORS and rest:
        _check_generator(rest, experiments, experiment)
    if kind in OF_TASKS and not rest:
        table = experiments.tasks["tasks"]
        chosen = [task for task, entry in table.items() if "choices" in entry] or list(table)
        return _meant(f"{target}/{chosen[0]}", experiments)
    if kind in OF_TASKS:
        task = rest.split("/")[0]
        for ending in (".parquet", ".json", ".predictions"):
            task = task.removesuffix(ending)
        _check_task(kind, task, experiments, experiment)
        inside = f"{kind}/{'/'.join((task, *rest.split('/')[1:]))}"
    place = f"/{inside}" if inside else ""
    return next((experiment + place + end for pattern, end in ENDS if re.fullmatch(pattern, place)), None)


def _check_generator(rest: str, experiments: Experiments, experiment: str) -> None:
    """ValueError unless an experiment has a generator of that kind, and the task or group whose it is."""
    kind, *inside = rest.split("/")
    chosen = experiments.whole(experiment)
    known("generator", kind, chosen.by_kind)
    place = inside.index("generated") + 1 if "generated" in inside else 0
    if place and kind == chosen.generator.kind:
        own = "/".join((experiment, *inside))
        raise ValueError(f"{kind} is the experiment's own generator, no further one; did you mean results/{own}?")
    for name in inside[place : place + 1]:
        _check_task("generated" if place else "decoder", name, experiments, experiment)


def _check_task(kind: str, name: str, experiments: Experiments, experiment: str) -> None:
    """ValueError unless an experiment has such a product of a task, or of a group of held-out tasks."""
    if group := experiments.whole(experiment).groups.get(name):
        if kind not in OF_GROUPS:
            raise ValueError(f"{name!r} is a group of held-out tasks; expected one of them: {', '.join(group)}")
    else:
        task_entry(experiments.tasks, name)
