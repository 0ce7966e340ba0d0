"""A generator in closed form for a held-out task, or a group of them: fitted without it."""

from collections.abc import Sequence
from pathlib import Path

from p2w.config.generator import GeneratorConfig
from p2w.generators.closed_forms import fit_closed
from p2w.generators.fitted_file import save_fitted
from p2w.generators.training_tasks import noted, training_inputs
from p2w.prompts.states import read_embeddings
from p2w.runtime.files import transaction
from p2w.runtime.provenance import RUN_FILE, provenance
from p2w.runtime.seals import write_record


def fit_without(
    held_out: Sequence[str],
    config: GeneratorConfig,
    num_prompts: int,
    checkpoint_paths: Sequence[Path],
    embedding_paths: Sequence[Path],
    output: Path,
) -> None:
    """Fit the generator for one or more held-out tasks; write it, and `run.json`.

    A condition will be `num_prompts` prompts; those of a training task are all read. Raises ValueError as
    `training_inputs` and `fit_closed`.
    """
    checkpoints, headers, encoder = training_inputs(held_out, checkpoint_paths, embedding_paths)
    prompts = {found["task"]: read_embeddings(path) for path, found in headers.items()}
    settings = {"held_out": list(held_out), "num_prompts": num_prompts, **config.to_json()}
    record = provenance("generator", settings, [*checkpoint_paths, *embedding_paths])
    metadata = noted(held_out, checkpoints, encoder, record)
    fitted = fit_closed(config, checkpoints.layout, prompts, checkpoints.means(), num_prompts, metadata)
    with transaction():
        write_record(output.with_name(RUN_FILE), metadata)
        save_fitted(output, fitted)
