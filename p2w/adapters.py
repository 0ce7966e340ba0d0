"""LoRA adapters on disk, in PEFT's own format: `adapter_config.json` beside `adapter_model.safetensors`.

PEFT itself is imported only where a model is trained: a decoder writes adapters from plain tensors and the JSON object
that the checkpoints carry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from p2w.adapter_layout import PEFT_PREFIX, AdapterLayout
from p2w.files import atomic_path, read_json, write_json

if TYPE_CHECKING:
    from peft import LoraConfig

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
UNSUPPORTED = ("rank_pattern", "alpha_pattern", "use_dora", "lora_bias", "modules_to_save", "layer_replication")


@dataclass(frozen=True)
class LoraSettings:
    """Rank, scale and place of the low-rank matrices, and the seed they start from."""

    rank: int
    alpha: int
    dropout: float = 0.0
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    init_seed: int = 0

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1:
            raise ValueError(f"found rank {self.rank} and alpha {self.alpha}, expected both to be at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: found {self.dropout}, expected 0 <= dropout < 1")

    def peft_config(self, base_name: str, revision: str | None) -> "LoraConfig":
        """The same as PEFT's object, for a causal language model."""
        from peft import LoraConfig

        targets = self.target_modules if isinstance(self.target_modules, str) else list(self.target_modules)
        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=targets,
            base_model_name_or_path=base_name,
            revision=revision,
            task_type="CAUSAL_LM",
        )


def adapter_config_json(config: "LoraConfig") -> dict[str, Any]:
    """`adapter_config.json` as PEFT's save_pretrained writes it, except that lists made from sets are sorted."""
    values = {**config.to_dict(), "inference_mode": True}
    values = {key: sorted(value) if isinstance(value, set) else value for key, value in values.items()}
    for name in ("peft_type", "task_type"):
        values[name] = str(getattr(values[name], "value", values[name]))
    return dict(sorted(values.items()))


def write_adapter(
    folder: str | Path,
    tensors: Mapping[str, Tensor],
    adapter_config: Mapping[str, Any],
    records: Mapping[str, Any] | None = None,
) -> None:
    """Write an adapter that `PeftModel.from_pretrained` loads; the weights appear last, so they mean it is complete.

    Args:
        tensors: `{module}.lora_A.weight` (rank, in) and `{module}.lora_B.weight` (out, rank), any device.
        adapter_config: JSON values of `adapter_config.json`.
        records: JSON values of further files, by file name.

    Raises:
        ValueError: tensors and config do not fit together; names the tensor, found and expected.
    """
    folder = Path(folder)
    check_adapter(str(folder), tensors, adapter_config)
    for name, value in (records or {}).items():
        write_json(folder / name, value)
    write_json(folder / CONFIG_FILE, dict(adapter_config))
    whole = {PEFT_PREFIX + name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_path(folder / WEIGHTS_FILE) as temporary:
        save_file(whole, temporary, metadata={"format": "pt"})


def read_adapter(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name without PEFT's prefix, and the values of `adapter_config.json`.

    Raises:
        ValueError: a missing or broken file, a tensor or an option that P2W cannot apply.
    """
    folder = Path(folder)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ValueError(f"{folder}: no {name}; expected an adapter in PEFT's format")
    adapter_config = read_json(folder / CONFIG_FILE)
    stored = read_tensors(folder / WEIGHTS_FILE)
    bare = [name for name in stored if not name.startswith(PEFT_PREFIX)]
    if bare:
        raise ValueError(
            f"{folder / WEIGHTS_FILE}: found tensor {bare[0]!r}, expected names that start with {PEFT_PREFIX}"
        )
    tensors = {name.removeprefix(PEFT_PREFIX): tensor for name, tensor in stored.items()}
    check_adapter(str(folder), tensors, adapter_config)
    return tensors, adapter_config


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file; ValueError names the file when it is not one or not whole."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a readable safetensors file ({error})") from error


def check_adapter(where: str, tensors: Mapping[str, Tensor], adapter_config: Mapping[str, Any]) -> AdapterLayout:
    """The adapter's layout; ValueError unless its tensors are whole pairs of the config's rank and it is plain LoRA."""
    if adapter_config.get("peft_type") != "LORA":
        raise ValueError(f"{where}: peft_type: found {adapter_config.get('peft_type')!r}, expected 'LORA'")
    for option in UNSUPPORTED:
        if adapter_config.get(option):
            raise ValueError(f"{where}: {option}: found {adapter_config[option]!r}, expected it unset")
    try:
        layout = AdapterLayout.from_tensors(tensors)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    for name, (rows, columns) in zip(layout.names, layout.shapes, strict=True):
        rank = rows if name.endswith(".lora_A.weight") else columns
        if rank != adapter_config["r"]:
            raise ValueError(f"{where}: {name}: found rank {rank}, expected {adapter_config['r']} as in the config")
    return layout
