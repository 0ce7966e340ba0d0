"""LoRA adapters on disk, in PEFT's own format: `adapter_config.json` beside `adapter_model.safetensors`.

PEFT itself is imported only where a model is trained: a decoder writes adapters from plain tensors and the JSON object
that the checkpoints carry.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save
from torch import Tensor

from p2w.adapters.layout import PEFT_PREFIX, AdapterLayout
from p2w.config.lora import LoraSettings
from p2w.runtime.files import json_text, read_json, transaction, write_bytes
from p2w.runtime.finite import check_finite
from p2w.runtime.provenance import RUN_FILE
from p2w.runtime.seals import check_files, write_record
from p2w.runtime.tensor_files import read_foreign_tensors

if TYPE_CHECKING:
    from peft import LoraConfig

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
UNSUPPORTED = ("rank_pattern", "alpha_pattern", "use_dora", "lora_bias", "modules_to_save", "layer_replication")
NUMBERS = ("r", "lora_alpha")


def peft_config(lora: LoraSettings, base_name: str, revision: str | None) -> "LoraConfig":
    """Settings as PEFT's object, for a causal language model."""
    from peft import LoraConfig

    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
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
    """Write an adapter that `PeftModel.from_pretrained` loads; all of its files appear or none, the weights last.

    Tensors are `{module}.lora_A.weight` (rank, in) and `{module}.lora_B.weight` (out, rank), on any device; `records`
    are JSON objects of further files, by file name: `run.json` gets the hashes of config and weights too. Raises
    ValueError: tensors and config do not fit together; names the tensor, found and expected.
    """
    folder = Path(folder)
    check_adapter(str(folder), tensors, adapter_config)
    whole = {PEFT_PREFIX + name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    files = {CONFIG_FILE: json_text(dict(adapter_config)).encode(), WEIGHTS_FILE: save(whole, {"format": "pt"})}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    with transaction():
        for name, value in {RUN_FILE: {}, **(records or {})}.items():
            write_record(folder / name, {**value, "files": hashes} if name == RUN_FILE else value)
        for name, data in files.items():
            write_bytes(folder / name, data)


def read_adapter(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name without PEFT's prefix, and the values of `adapter_config.json`.

    An adapter that P2W wrote is compared with the hashes in its `run.json`; another's has no such file. Raises
    ValueError: a missing or damaged file, a tensor or an option that P2W cannot apply, a value that is not finite.
    """
    adapter_config, path = read_adapter_config(Path(folder)), Path(folder, WEIGHTS_FILE)
    stored = read_foreign_tensors(path)
    if bare := [name for name in stored if not name.startswith(PEFT_PREFIX)]:
        raise ValueError(f"{path}: found tensor {bare[0]!r}, expected names that start with {PEFT_PREFIX}")
    tensors = {name.removeprefix(PEFT_PREFIX): tensor for name, tensor in stored.items()}
    check_adapter(str(folder), tensors, adapter_config)
    check_finite(path, tensors)
    return tensors, adapter_config


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The values of `adapter_config.json`, after its hash and that of the weights; errors as in `read_adapter`."""
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ValueError(f"{folder}: no {name}; expected an adapter in PEFT's format")
    if (folder / RUN_FILE).is_file():
        check_files(folder / RUN_FILE, (CONFIG_FILE, WEIGHTS_FILE), folder / WEIGHTS_FILE)
    adapter_config = read_json(folder / CONFIG_FILE)
    if not isinstance(adapter_config, dict):
        raise ValueError(f"{folder / CONFIG_FILE}: found {adapter_config!r}, expected a mapping")
    return adapter_config


def check_adapter(where: str, tensors: Mapping[str, Tensor], adapter_config: Mapping[str, Any]) -> AdapterLayout:
    """The adapter's layout; ValueError unless its tensors are whole pairs of the config's rank and it is plain LoRA."""
    expected_values = {"peft_type": ("LORA",), "bias": ("none", None)}
    for option, expected in expected_values.items():
        if adapter_config.get(option) not in expected:
            raise ValueError(f"{where}: {option}: found {adapter_config.get(option)!r}, expected {expected[0]!r}")
    for option in UNSUPPORTED:
        if adapter_config.get(option):
            raise ValueError(f"{where}: {option}: found {adapter_config[option]!r}, expected it unset")
    for option in NUMBERS:
        value = adapter_config.get(option)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ValueError(f"{where}: {option}: found {value!r}, expected a positive number")
    try:
        layout = AdapterLayout.from_tensors(tensors)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    for name, (rows, columns) in zip(layout.names, layout.shapes, strict=True):
        rank = rows if name.endswith(".lora_A.weight") else columns
        if rank != adapter_config["r"]:
            raise ValueError(f"{where}: {name}: found rank {rank}, expected {adapter_config['r']} as in the config")
    _check_modules(where, layout, adapter_config.get("target_modules"))
    return layout


def _check_modules(where: str, layout: AdapterLayout, targets: Any) -> None:
    """ValueError when a module that the config lists has no tensors at all; a pattern or a keyword lists none."""
    if isinstance(targets, list | tuple | set):
        found = {name.split(".lora_")[0] for name in layout.names}
        for target in sorted(targets):
            if not any(module == target or module.endswith(f".{target}") for module in found):
                raise ValueError(f"{where}: found no tensor of {target!r}, expected one for each of target_modules")
