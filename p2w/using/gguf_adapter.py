"""A LoRA adapter as a GGUF file, as llama.cpp's convert_lora_to_gguf.py writes it (ggml-org/llama.cpp, 0b03ada)."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import AutoConfig, PretrainedConfig

from p2w.base.lora_stack import scaling
from p2w.config.base_model import BaseModel
from p2w.runtime.files import atomic_path
from p2w.using.adapter import Adapter

ARCHITECTURES = {"llama": "LLAMA", "mistral": "LLAMA", "qwen2": "QWEN2"}  # transformers' model_type to gguf's name


def write_gguf_adapter(adapter: Adapter, base: BaseModel, path: Path) -> None:
    """Write tensors `blk.{layer}.{module}.weight.lora_a` (rank, in) and `.lora_b` (out, rank), float32, and alpha.

    llama.cpp scales by alpha / rank, so that of a rank-stabilised adapter is converted. Raises ValueError: `gguf` is
    not installed, or an architecture or module that this does not know.
    """
    if importlib.util.find_spec("gguf") is None:
        raise ValueError("a GGUF file needs the package gguf: pip install gguf")
    import gguf

    config = AutoConfig.from_pretrained(base.hub or base.folder, **({"revision": base.revision} if base.hub else {}))
    architecture = ARCHITECTURES.get(config.model_type)
    if architecture is None:
        raise ValueError(f"{base.name}: found architecture {config.model_type!r}, expected {', '.join(ARCHITECTURES)}")
    kind = getattr(gguf.MODEL_ARCH, architecture)
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    tensors = _named(adapter.tensors, names, config if architecture == "LLAMA" else None)
    with atomic_path(path) as temporary:
        writer = gguf.GGUFWriter(temporary, gguf.MODEL_ARCH_NAMES[kind])
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, scaling(adapter.config) * adapter.config["r"])
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        for name, tensor in tensors.items():
            writer.add_tensor(name, tensor.float().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _named(tensors: Mapping[str, Tensor], names: Any, rotated: PretrainedConfig | None) -> dict[str, Tensor]:
    """Tensors under llama.cpp's names; those of a `rotated` model in its order of rows."""
    found = {}
    for name, tensor in sorted(tensors.items()):
        module, factor = name.removesuffix(".weight").rsplit(".lora_", 1)
        known = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
        if known is None:
            raise ValueError(f"adapter: found module {module!r}, which llama.cpp has no name for")
        if factor == "B" and rotated is not None and module.endswith(("q_proj", "k_proj")):
            heads = rotated.num_attention_heads if module.endswith("q_proj") else rotated.num_key_value_heads
            tensor = interleaved(tensor, heads)
        found[f"{known}.lora_{factor.lower()}"] = tensor.contiguous()
    return found


def interleaved(rows: Tensor, heads: int) -> Tensor:
    """(out, rank) with the halves of each head's rows one by one in turn: llama.cpp turns neighbouring pairs where
    transformers turns halves (`LlamaModel.permute` of convert_hf_to_gguf.py)."""
    return rows.reshape(heads, 2, -1, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)
