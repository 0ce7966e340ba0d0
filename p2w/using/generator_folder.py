"""The folder of a generator that anybody may use: its files, what it says of itself, and where such folders are."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from p2w.adapters.peft_folder import CONFIG_FILE as ADAPTER_CONFIG
from p2w.config.base_model import BaseModel
from p2w.config.settings import Settings, parse
from p2w.runtime.code import ROOT
from p2w.runtime.files import read_json
from p2w.runtime.provenance import RUN_FILE
from p2w.runtime.tensor_files import read_tensors

WEIGHTS, SETTINGS, TASKS, CARD = "generator.safetensors", "config.json", "tasks.safetensors", "README.md"
FILES = (WEIGHTS, SETTINGS, TASKS, RUN_FILE, CARD)
# The generators that come with the package.
SHIPPED = {"pocket": ROOT / "p2w/pocket/generator", "smollm2": ROOT / "p2w/using/smollm2"}


class GeneratorSettings(Settings):
    """`config.json` of a generator's folder: what its weights do not say."""

    experiment: str
    base_model: BaseModel
    systems: dict[str, str]  # training task to the system prompt that its samples have
    examples: tuple[str, ...] = ()  # prompts of one of them, each in one line


@dataclass(frozen=True)
class TrainingTasks:
    """Of the training tasks `means` (tasks, C) float32, each one's mean prompt, and `scatter` (tasks,), how far its
    prompts are from that; `constant` (size,), the weights that the generator makes of no prompt, where it cannot tell
    without the tasks' prompts. Where the generator's
    `residuals` (K, size) are not those of the tasks: `mixture` (tasks, K), how much of each task's adapter is in each
    of them, and `own` (tasks, K), how much of each of them is in each task's adapter."""

    names: tuple[str, ...]
    means: Tensor
    scatter: Tensor
    constant: Tensor | None = None
    mixture: Tensor | None = None
    own: Tensor | None = None


def read_settings(folder: Path) -> GeneratorSettings:
    """What `config.json` says; ValueError names the file, found and expected."""
    return parse(GeneratorSettings, read_json(folder / SETTINGS), str(folder / SETTINGS))


def read_tasks(folder: Path) -> TrainingTasks:
    """The training tasks; ValueError when the file is damaged or of another kind."""
    tensors, header = read_tensors(folder / TASKS, keys=("tasks",))
    return TrainingTasks(tuple(header["tasks"]), **tensors)


def find_generator(place: str | Path, revision: str | None = None) -> Path:
    """The folder of a generator: `pocket` or `smollm2`, a folder, or else an id on the Hub, which is downloaded.

    Raises ValueError: no folder, and no name for the Hub; or a folder without a generator. Raises DownloadError: the
    Hub does not have it.
    """
    folder = SHIPPED.get(str(place), Path(place))
    if not folder.is_dir():
        from p2w.using.hub import download

        folder = download(str(place), FILES, revision)
    for name in (WEIGHTS, SETTINGS, TASKS):
        if not (folder / name).is_file():
            adapter = ", but an adapter" if (folder / ADAPTER_CONFIG).is_file() else ""
            raise ValueError(f"{place}: found no {name}{adapter}; expected the folder of a generator")
    return folder
