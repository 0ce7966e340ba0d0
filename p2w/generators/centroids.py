"""What a generator in closed form needs of a training task: its mean adapter and its mean prompt, in one small file.

A leave-one-out fits on every task again and again; so each task's checkpoints and prompts are read once, for its file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from p2w.adapters.checkpoints import check_same
from p2w.adapters.layout import AdapterLayout, check_layout
from p2w.generators.contract import Prompts
from p2w.generators.features import position_features
from p2w.generators.training_tasks import check_encoders, check_not_held_out, training_inputs
from p2w.prompts.states import read_embeddings
from p2w.runtime.provenance import provenance
from p2w.runtime.tensor_files import read_tensors, write_tensors

CONTENT = ("task", "adapter_config", "encoder", "layout", "provenance")  # keys of a file's metadata


@dataclass(frozen=True)
class Centroid:
    """A task in the middle of its checkpoints and prompts: `weights` (size,), `last` (L, C) the mean state at each
    position from the end on, `whole` (1, C) the mean of each prompt's mean state; float32."""

    weights: Tensor
    last: Tensor
    whole: Tensor

    @classmethod
    def of(cls, prompts: Prompts, weights: Tensor) -> "Centroid":
        """From all prompts of a task and the mean (size,) of its checkpoints."""
        length = prompts.gather(torch.zeros(1, dtype=torch.int64)).shape[-2]
        return cls(weights, position_features(prompts, length), position_features(prompts, 0))

    def features(self, positions: int) -> Tensor:
        """Those of all its prompts, (d,), as `task_features` has them."""
        if not positions:
            return self.whole.flatten()
        return pad(self.last[:positions], (0, 0, 0, max(0, positions - len(self.last)))).flatten()


class Centroids(NamedTuple):
    """Those of the training tasks by name, and what their files have in common."""

    of_tasks: dict[str, Centroid]
    layout: AdapterLayout
    adapter_config: dict[str, Any]
    encoder: dict[str, Any]


def centroids_of(prompts: Mapping[str, Prompts], adapters: Mapping[str, Tensor]) -> dict[str, Centroid]:
    """From prompts and mean adapters (size,) by task. Raises ValueError: those of different tasks."""
    if set(prompts) != set(adapters):
        raise ValueError(f"found prompts of {sorted(prompts)}, checkpoints of {sorted(adapters)}, expected both of the"
                         " same tasks")  # fmt: skip
    return {task: Centroid.of(prompts[task], adapters[task]) for task in sorted(prompts)}


def training_rows(centroids: Mapping[str, Centroid], positions: int) -> tuple[Tensor, Tensor]:
    """Features X (tasks, d) and adapters W (tasks, size) float32, tasks by name. Raises ValueError: fewer than two
    tasks."""
    if len(centroids) < 2:
        raise ValueError(f"found the training tasks {sorted(centroids)}, expected two or more")
    chosen = [centroids[task] for task in sorted(centroids)]
    return torch.stack([one.features(positions) for one in chosen]), torch.stack([one.weights for one in chosen])


def write_centroid(checkpoints: Path, embeddings: Path, output: Path) -> None:
    """Write the centroid of a task from its checkpoints and prompts. Raises ValueError: those of different tasks, a
    checkpoint that is not finite."""
    files, headers, encoder = training_inputs((), [checkpoints], [embeddings])
    prompts = {found["task"]: read_embeddings(path) for path, found in headers.items()}
    ((task, found),) = centroids_of(prompts, files.means()).items()
    record = provenance("centroid", {}, [checkpoints, embeddings])
    about = {"task": task, "adapter_config": files.adapter_config, "encoder": encoder, "provenance": record}
    write_tensors(output, vars(found), {**about, "layout": files.layout.to_json()})


def read_centroids(held_out: Sequence[str], paths: Sequence[Path]) -> Centroids:
    """The centroids of training tasks. Raises ValueError: that of a held-out task or two of one, different layouts,
    base models or encoders, another kind of file; names the task or the file."""
    found = {path: read_tensors(path, keys=CONTENT) for path in paths}
    headers = {path: header for path, (_, header) in found.items()}
    check_not_held_out("centroids", [header["task"] for header in headers.values()], held_out)
    encoder, first = check_encoders(headers), headers[paths[0]]
    layout, tasks = AdapterLayout.from_json(first["layout"]), {}
    for path, (tensors, header) in found.items():
        check_layout(str(path), AdapterLayout.from_json(header["layout"]), layout)
        check_same(str(path), header["adapter_config"], first["adapter_config"])
        if header["task"] in tasks:
            raise ValueError(f"{path}: found task {header['task']!r} a second time, expected each once")
        tasks[header["task"]] = Centroid(**tensors)
    return Centroids(tasks, layout, first["adapter_config"], encoder)
