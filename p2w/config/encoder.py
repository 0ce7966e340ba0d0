"""Which encoder reads the prompts."""

import hashlib
from typing import Annotated

from pydantic import Field, model_validator

from p2w.config.settings import INT64_MAX, Package, Revision, Settings, Sha256, Text, check_place


class PromptEncoder(Settings):
    """The frozen prompt encoder: from the Hub at a pinned revision, from an installed package or from a folder.

    What it is follows from its files: a model of sentence-transformers (a transformer, or word vectors such as GloVe)
    or one of transformers (of T5 only the encoder). Special tokens count among those that are read.
    """

    max_length: Annotated[int, Field(ge=3, le=INT64_MAX)] = Field(description="tokens of a prompt that are read")
    sha256: Sha256 | None = Field(None, description="of model.safetensors; a Hub model's revision may stand for it")
    hub: Text | None = Field(None, description="Hub id")
    revision: Revision | None = Field(None, description="commit on the Hub")
    package: Package | None = Field(None, description="Python package that carries the model in its folder `model`")
    path: Text | None = Field(None, description="folder of the model")

    @model_validator(mode="after")
    def _one_place(self) -> "PromptEncoder":
        pin = () if self.hub else ("sha256",)
        check_place(self, ("hub", "revision"), ("package", *pin), ("path", *pin))
        return self

    @property
    def key(self) -> str:
        """Identity of what the encoder computes: weights and truncation, wherever the weights came from."""
        weights = self.sha256 or f"{self.hub}@{self.revision}"
        return hashlib.sha256(f"{weights}\0{self.max_length}".encode()).hexdigest()[:16]
