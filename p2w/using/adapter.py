"""An adapter that was generated, in memory: to save, to share, to put on a model."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from torch import Tensor

from p2w.adapters.layout import PEFT_PREFIX
from p2w.adapters.peft_folder import CONFIG_FILE, WEIGHTS_FILE, read_adapter, write_adapter
from p2w.runtime.files import transaction, write_text
from p2w.runtime.provenance import RUN_FILE
from p2w.runtime.seals import read_record
from p2w.using.adapter_card import adapter_card

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

CARD = "README.md"
FILES = (CONFIG_FILE, WEIGHTS_FILE, RUN_FILE, CARD)


@dataclass(frozen=True)
class Adapter:
    """LoRA matrices by name, `….lora_A.weight` (rank, in) and `….lora_B.weight` (out, rank) float32; PEFT's config;
    and the record of what it was made from.

    >>> adapter = Adapter.from_pretrained(folder)
    >>> adapter.config["peft_type"]
    'LORA'
    >>> model = adapter.apply(base_model)  # a PeftModel
    """

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    record: Mapping[str, Any]

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "Adapter":
        """The adapter in a folder; ValueError when it is missing, damaged, or not plain LoRA."""
        path = Path(folder)
        if not path.is_dir():
            raise ValueError(f"{folder}: no such folder, expected that of an adapter")
        tensors, config = read_adapter(path)
        record = read_record(path / RUN_FILE) if (path / RUN_FILE).is_file() else {}
        return cls(tensors, config, record)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be known before it is trusted, a sentence each."""
        return tuple(self.record.get("warnings", ()))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `adapter_config.json`, `adapter_model.safetensors`, `run.json` and a card: all of them, or none."""
        record = {key: value for key, value in self.record.items() if key != "files"}
        with transaction():
            write_text(Path(folder, CARD), adapter_card(self.config, record))
            write_adapter(folder, self.tensors, self.config, {RUN_FILE: record})

    def push_to_hub(self, repo_id: str, private: bool = True, token: str | None = None) -> str:
        """Upload it as a repository of the Hub, which is made if there is none; the address of the commit."""
        from p2w.using.hub import upload

        with TemporaryDirectory(prefix="p2w-") as folder:
            self.save_pretrained(folder)
            return upload(Path(folder), FILES, repo_id, private, token)

    def apply(self, model: "PreTrainedModel") -> "PeftModel":
        """The model with the adapter on it, in evaluation mode; its layers are wrapped in place, as PEFT does.

        Raises ValueError: the model has other modules, or modules of other sizes, than the adapter.
        """
        from peft import PeftConfig, get_peft_model, set_peft_model_state_dict

        name = self.config["base_model_name_or_path"]
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*was renamed from")  # a folder may be called in several ways
                adapted = get_peft_model(model, PeftConfig.from_peft_type(**self.config))
            state = {PEFT_PREFIX + name: tensor for name, tensor in self.tensors.items()}
            unknown = set_peft_model_state_dict(adapted, state).unexpected_keys
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"adapter of {name}: the model is another one ({str(error)[:300]})") from error
        if unknown:
            raise ValueError(f"adapter of {name}: the model is another one, it has no {unknown[0]}")
        return adapted.eval()
