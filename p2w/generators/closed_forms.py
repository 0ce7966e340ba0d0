"""Every kind of generator in closed form by its name: how it is fitted."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.contract import Prompts
from p2w.generators.features import training_rows
from p2w.generators.fitted_file import Fitted
from p2w.generators.retrieval import Retrieval, remember
from p2w.generators.ridge import Ridge, regress

# From settings, layout, features and mean adapters of the training tasks, prompts of a condition, metadata.
CLOSED_FORMS: dict[str, Callable[..., Fitted]] = {Ridge.kind: regress, Retrieval.kind: remember}


def fit_closed(
    config: GeneratorConfig,
    layout: AdapterLayout,
    prompts: Mapping[str, Prompts],
    adapters: Mapping[str, Tensor],
    num_prompts: int,
    metadata: dict[str, Any],
) -> Fitted:
    """Fit on each task's prompts and the mean of its checkpoints (size,). Raises ValueError: a kind that is not in
    closed form, and what `training_rows` does."""
    if config.kind not in CLOSED_FORMS:
        raise ValueError(f"generator: kind: found {config.kind}, expected one in closed form:"
                         f" {' or '.join(CLOSED_FORMS)}")  # fmt: skip
    rows = training_rows(config, prompts, adapters)
    return CLOSED_FORMS[config.kind](config, layout, *rows, num_prompts, metadata)
