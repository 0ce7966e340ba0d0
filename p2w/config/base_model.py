"""Which base model the adapters are for."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from p2w.config.settings import Package, Revision, Settings, Sha256, Text, check_place, find_folder

# What a model consists of that came with a package.
MODEL_FILES = ("chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
               "tokenizer_config.json")  # fmt: skip

Precision = Literal["float32", "bfloat16"]


class BaseModel(Settings):
    """The frozen model: from the Hub at a pinned revision, from an installed package's GGUF file, or from a folder."""

    hub: Text | None = Field(None, description="Hub id")
    revision: Revision | None = Field(None, description="commit on the Hub")
    package: Package | None = Field(None, description="Python package that carries the model")
    file: Text | None = Field(None, description="GGUF file in the package")
    sha256: Sha256 | None = Field(None, description="of the file")
    path: Text | None = Field(None, description="folder of the model")
    dtype: Precision = Field("float32", description="precision of its weights")

    @model_validator(mode="after")
    def _one_place(self) -> "BaseModel":
        check_place(self, ("hub", "revision"), ("package", "file", "sha256"), ("path",))
        return self

    @property
    def name(self) -> str:
        """What PEFT calls `base_model_name_or_path`; a package's model, which is a folder by then, what it came as."""
        return str(self.hub or self.path or f"{self.package}/{self.file}")

    @property
    def packaged(self) -> str:
        """What the folder of a package's model is called."""
        return f"{self.package}--{Path(str(self.file)).stem}--{str(self.sha256)[:12]}"

    @property
    def unpacked(self) -> str:
        """Where the workflow puts a package's model."""
        return f"results/models/{self.packaged}"

    @property
    def placed(self) -> "BaseModel":
        """As stages load it: a package's model in the folder where the workflow puts it."""
        return BaseModel(path=self.unpacked, dtype=self.dtype) if self.package else self

    @property
    def folder(self) -> Path:
        """The folder that `path` names."""
        return find_folder(str(self.path))

    @property
    def files(self) -> list[Path]:
        """Files of a model in a folder, sorted; none of a Hub's, which its revision stands for."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file()) if self.path else []
