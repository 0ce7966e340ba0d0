"""Every kind of generator that is in a file, by its name: how it comes from there.

`basis`, once learned, is a `ridge` whose numbers were found otherwise.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from p2w.generators import decoder_file
from p2w.generators.contract import Generator
from p2w.generators.fitted_file import rebuild_fitted
from p2w.generators.hypernetwork import FittedNetwork
from p2w.generators.retrieval import Retrieval
from p2w.generators.ridge import Ridge

Rebuild = Callable[[dict[str, Tensor], Mapping[str, Any], torch.device | str], Generator]  # tensors, header, device

KINDS: dict[str, Rebuild] = {
    decoder_file.KIND: decoder_file.rebuild_decoder,
    **{form.kind: partial(rebuild_fitted, form) for form in (Ridge, Retrieval, FittedNetwork)},
}
