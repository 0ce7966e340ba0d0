"""What a target of the workflow that no rule makes was meant to be."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from p2w.config.experiments import known, task_entry
from p2w.config.mistakes import named

# What a target's second part may be, and which of them are followed by a task.
OF_TASKS = ("samples", "adapters", "checkpoints", "embeddings", "decoder", "generated", "controls", "evaluation")
OTHERS = ("figures", "summary.md", "summary.html", "summary.csv")

# Below an experiment's folder, a target without its end, and that end.
ENDS = (
    (r"", "/summary.md"),
    (r"/summary", ".md"),
    (r"/figures", "/accuracy.png"),
    (r"/samples/[^/]+", "/train.parquet"),
    (r"/samples/[^/]+/[^/.]+", ".parquet"),
    (r"/(checkpoints|embeddings)/[^/]+", ".parquet"),
    (r"/evaluation/[^/]+", ".json"),
    (r"/decoder/[^/]+(/seed_\d+)?", "/decoder.safetensors"),
    (r"/adapters/[^/]+", "/epoch_1/adapter_model.safetensors"),
    (r"/adapters/[^/]+/epoch_\d+", "/adapter_model.safetensors"),
    (r"/generated/[^/]+(/seed_\d+)?", "/draw_0/adapter_model.safetensors"),
    (r"/generated/[^/]+(/seed_\d+)?/draw_\d+", "/adapter_model.safetensors"),
    (r"/controls/[^/]+", "/weight_average/adapter_model.safetensors"),
    (r"/controls/[^/]+/(weight_average|nearest_prompts|multi_task)", "/adapter_model.safetensors"),
    (r"/controls/[^/]+/(seed_\d+/)?(constant|\w+_prompts/draw_\d+)", "/adapter_model.safetensors"),
)


def explain_target(target: str, experiments: Iterable[str], table: Mapping[str, Any]) -> None:
    """ValueError that says what is wrong with a target `results/{target}` that no rule makes, and what may be meant."""
    where = named(f"results/{target}")
    try:
        meant = _meant(target.rstrip("/"), sorted(experiments), table)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if meant is None:
        raise ValueError(f"{where}: no such file can be made; see results/README.md")
    kind = "a folder" if target.endswith("/") or meant.startswith(f"{target}/") else "a name without its ending"
    raise ValueError(f"{where}: that is {kind}; did you mean results/{meant}?")


def _meant(target: str, experiments: list[str], table: Mapping[str, Any]) -> str | None:
    """The file that a folder or a name without ending stands for; ValueError on an unknown name."""
    experiment, _, inside = target.partition("/")
    known("experiment", experiment, experiments)
    kind, _, rest = inside.partition("/")
    if kind not in ("", "summary"):
        known("product", kind, (*OF_TASKS, *OTHERS))
    if kind in OF_TASKS and not rest:
        chosen = [task for task, entry in table["tasks"].items() if "choices" in entry] or list(table["tasks"])
        return _meant(f"{target}/{chosen[0]}", experiments, table)
    if kind in OF_TASKS:
        task = rest.split("/")[0]
        for ending in (".parquet", ".json", ".predictions"):
            task = task.removesuffix(ending)
        task_entry(table, task)
        inside = f"{kind}/{'/'.join((task, *rest.split('/')[1:]))}"
    place = f"/{inside}" if inside else ""
    return next((experiment + place + end for pattern, end in ENDS if re.fullmatch(pattern, place)), None)
