"""A generator in closed form for a held-out task, or a group of them: fitted without it."""

from collections.abc import Sequence
from pathlib import Path

from p2w.config.generator import GeneratorConfig
from p2w.generators.centroids import read_centroids
from p2w.generators.closed_forms import fit_closed
from p2w.generators.fitted_file import save_fitted
from p2w.generators.training_tasks import noted
from p2w.runtime.files import transaction
from p2w.runtime.provenance import RUN_FILE, provenance
from p2w.runtime.seals import write_record


def fit_without(
    held_out: Sequence[str], config: GeneratorConfig, num_prompts: int, centroid_paths: Sequence[Path], output: Path
) -> None:
    """Fit the generator for one or more held-out tasks; write it, and `run.json`.

    A condition will be `num_prompts` prompts; those of a training task are all in its centroid. Raises ValueError as
    `read_centroids` and `fit_closed`.
    """
    tasks, layout, adapter_config, encoder = read_centroids(held_out, centroid_paths)
    settings = {"held_out": list(held_out), "num_prompts": num_prompts, **config.to_json()}
    record = provenance("generator", settings, centroid_paths)
    metadata = noted(held_out, tasks, adapter_config, encoder, record)
    fitted = fit_closed(config, layout, tasks, num_prompts, metadata)
    with transaction():
        write_record(output.with_name(RUN_FILE), metadata)
        save_fitted(output, fitted)
