"""Every kind of generator by its name: how it comes from its file, and how one in closed form is fitted.

What trains for long has a stage of its own, so that its code is not every other generator's. `basis`, once learned, is
a `ridge` whose numbers were found otherwise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators import decoder_file
from p2w.generators.contract import Generator, Prompts
from p2w.generators.features import training_rows
from p2w.generators.fitted_file import Fitted, rebuild_fitted
from p2w.generators.retrieval import Retrieval, remember
from p2w.generators.ridge import Ridge, regress


@dataclass(frozen=True)
class Kind:
    """`rebuild` takes the tensors of a file, its header and a device; `fit`, of a kind in closed form, what
    `regress` takes: features and mean adapters of the training tasks."""

    rebuild: Callable[[dict[str, Tensor], Mapping[str, Any], torch.device | str], Generator]
    fit: Callable[..., Fitted] | None = None


KINDS = {
    decoder_file.KIND: Kind(decoder_file.rebuild_decoder),
    Ridge.kind: Kind(partial(rebuild_fitted, Ridge), regress),
    Retrieval.kind: Kind(partial(rebuild_fitted, Retrieval), remember),
}


def fit_closed(
    config: GeneratorConfig,
    layout: AdapterLayout,
    prompts: Mapping[str, Prompts],
    checkpoints: Mapping[str, Tensor],
    num_prompts: int,
    metadata: dict[str, Any],
) -> Fitted:
    """Fit on each task's prompts and the mean of its checkpoints (n, size). Raises ValueError: a kind that is not in
    closed form, and what `training_rows` does."""
    if (fit := KINDS[config.kind].fit) is None:
        closed = " or ".join(name for name, kind in KINDS.items() if kind.fit)
        raise ValueError(f"generator: kind: found {config.kind}, expected one in closed form: {closed}")
    return fit(config, layout, *training_rows(config, prompts, checkpoints), num_prompts, metadata)
