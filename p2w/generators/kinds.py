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

from p2w.generators import decoder_file
from p2w.generators.contract import Generator
from p2w.generators.fitted_file import Fitted, rebuild_fitted
from p2w.generators.retrieval import Retrieval, fit_retrieval
from p2w.generators.ridge import Ridge, fit_ridge


@dataclass(frozen=True)
class Kind:
    """`rebuild` takes the tensors of a file, its header and a device; `fit`, of a kind in closed form, what
    `fit_ridge` takes."""

    rebuild: Callable[[dict[str, Tensor], Mapping[str, Any], torch.device | str], Generator]
    fit: Callable[..., Fitted] | None = None


KINDS = {
    decoder_file.KIND: Kind(decoder_file.rebuild_decoder),
    Ridge.kind: Kind(partial(rebuild_fitted, Ridge), fit_ridge),
    Retrieval.kind: Kind(partial(rebuild_fitted, Retrieval), fit_retrieval),
}
