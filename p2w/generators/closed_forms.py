"""Every kind of generator in closed form by its name: how it is fitted."""

from collections.abc import Callable, Mapping
from typing import Any

from p2w.adapters.layout import AdapterLayout
from p2w.config.generator import GeneratorConfig
from p2w.generators.centroids import Centroid, training_rows
from p2w.generators.fitted_file import Fitted
from p2w.generators.retrieval import Retrieval, remember
from p2w.generators.ridge import Ridge, regress

# From settings, layout, features and mean adapters of the training tasks, prompts of a condition, metadata.
CLOSED_FORMS: dict[str, Callable[..., Fitted]] = {Ridge.kind: regress, Retrieval.kind: remember}


def fit_closed(
    config: GeneratorConfig,
    layout: AdapterLayout,
    centroids: Mapping[str, Centroid],
    num_prompts: int,
    metadata: dict[str, Any],
) -> Fitted:
    """Fit on the training tasks' centroids. Raises ValueError: a kind that is not in closed form, and what
    `training_rows` does."""
    if config.kind not in CLOSED_FORMS:
        raise ValueError(f"generator: kind: found {config.kind}, expected one in closed form:"
                         f" {' or '.join(CLOSED_FORMS)}")  # fmt: skip
    return CLOSED_FORMS[config.kind](config, layout, *training_rows(centroids, config.positions), num_prompts, metadata)
