"""A generator with all that it needs: texts in, an adapter out."""

import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from p2w.config.encoder import PromptEncoder
from p2w.generators import contract
from p2w.generators.generator_file import load_generator
from p2w.prompts.encoder import encode_when_needed
from p2w.prompts.states import PromptStates
from p2w.runtime.files import link, sha256, transaction
from p2w.runtime.provenance import provenance
from p2w.using.adapter import Adapter
from p2w.using.conditions import MOST, condition_of, some_of
from p2w.using.generator_folder import (
    FILES,
    WEIGHTS,
    GeneratorSettings,
    TrainingTasks,
    find_generator,
    read_settings,
    read_tasks,
)
from p2w.using.mixtures import mixture, own_adapter
from p2w.using.nearness import least_usual, similarities
from p2w.using.prompt_files import check_prompts

CODE = "p2w/using/generator.py"
T = TypeVar("T")
Encode = Callable[[Sequence[str]], list[np.ndarray]]


@dataclass(frozen=True)
class Generator:
    """From unlabeled prompts of a task, one or more, to a LoRA adapter for it.

    >>> from p2w import Generator
    >>> generator = Generator.from_pretrained()  # the one that comes with P2W, for its pocket base model
    >>> adapter = generator.generate(["Is it true that a fish can swim? Answer with yes or no."])
    >>> next(iter(adapter.record["nearest"]))
    'boolq.yes_no'
    >>> adapter.save_pretrained(folder)
    """

    place: str
    folder: Path
    model: contract.Generator
    settings: GeneratorSettings
    tasks: TrainingTasks
    encode: Encode
    code: dict[str, Any]  # what its records have in common

    @classmethod
    def from_pretrained(
        cls, place: str | Path = "pocket", revision: str | None = None, device: str = "cpu"
    ) -> "Generator":
        """From a folder, an id on the Hub, or a name of those that come with P2W; the encoder is loaded when it is
        needed.

        Raises ValueError: no such generator, or a damaged one; names it.
        """
        folder = find_generator(place, revision)
        model = _widened(load_generator(folder / WEIGHTS, device))
        encode = encode_when_needed(PromptEncoder(**model.metadata["encoder"]), device)
        made = {"place": str(place), "sha256": sha256(folder / WEIGHTS)}
        settings = read_settings(folder)
        code = {**provenance(CODE, {}), "generator": {**made, "experiment": settings.experiment}}
        return cls(str(place), folder, model, settings, _widened(read_tasks(folder)), encode, code)

    def generate(self, prompts: Sequence[str], seed: int = 0) -> Adapter:
        """The adapter for a task, given one or more of its prompts; equal prompts and seed give equal bits.

        Warns (UserWarning) about few prompts, and about prompts that are far from every training task. Raises
        ValueError: no prompts, or one without a text.
        """
        texts = check_prompts(prompts)
        states = self.encoded(some_of(texts, seed))
        flat = self.model.weights(condition_of(self.model, states, seed))
        near = similarities(self.tasks, states.mean())
        said = [
            *_about_number(len(texts), self.model.num_prompts),
            *_about_nearness(near, least_usual(self.tasks, len(texts))),
        ]
        for warning in said:
            warnings.warn(warning, stacklevel=2)
        record = {
            **self.code,
            "seed": seed,
            "prompts": {"count": len(texts), "sha256": hashlib.sha256("\0".join(texts).encode()).hexdigest()},
            "nearest": _rounded(near),
            "made_of": _rounded(mixture(self.model, self.tasks, flat) or {}),
            "system": self.settings.systems[next(iter(near))],
            "base_model": self.settings.base_model.given(),
            "warnings": said,
        }
        return self._adapter(flat, record)

    def encoded(self, texts: Sequence[str]) -> PromptStates:
        """Token states of texts, as the encoder that the generator was fitted with sees them."""
        return PromptStates.from_states(self.encode(texts), self.model.metadata["encoder"]["max_length"])

    def of_no_prompt(self) -> Adapter:
        """The adapter that it makes of no prompt, which a generated one has to beat."""
        known = self.tasks.constant
        return self._control(self.model.weights_of_no_prompt([]) if known is None else known, "constant")

    def of_task(self, task: str) -> Adapter | None:
        """The own adapter of a training task, which a generated one that is nearest to it has to beat; None where this
        kind of generator keeps none. Raises ValueError: no such task; lists them."""
        if task not in self.tasks.names:
            raise ValueError(f"task: found {task!r}, expected one of {', '.join(self.tasks.names)}")
        flat = own_adapter(self.model, self.tasks, task)
        return None if flat is None else self._control(flat, "nearest_prompts")

    def _control(self, flat: Tensor, control: str) -> Adapter:
        return self._adapter(flat, {**self.code, "control": control, "base_model": self.settings.base_model.given()})

    def _adapter(self, flat: Tensor, record: dict[str, Any]) -> Adapter:
        return Adapter(self.model.layout.unflatten(flat), self.model.metadata["adapter_config"], record)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the generator's own files into another folder: all of them, or none."""
        with transaction():
            for name in FILES:
                link((self.folder / name).resolve(), Path(folder, name))

    def push_to_hub(self, repo_id: str, private: bool = True, token: str | None = None) -> str:
        """Upload it as a repository of the Hub, which is made if there is none; the address of the commit."""
        from p2w.using.hub import upload

        return upload(self.folder, FILES, repo_id, private, token)


def _widened(kept: T) -> T:
    """The same with float32 in place of what its file has in fewer bits: that is what is computed with."""
    if not is_dataclass(kept) or isinstance(kept, type):
        return kept
    found = {field.name: getattr(kept, field.name) for field in fields(kept)}
    tensors = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    few = {key: tensor for key, tensor in tensors.items() if tensor.is_floating_point() and tensor.itemsize < 4}
    return replace(kept, **{key: tensor.float() for key, tensor in few.items()})


def _about_number(found: int, wanted: int) -> list[str]:
    if found < wanted:
        return [
            f"found {found} prompts, the generator was fitted for {wanted}: with more of them the adapter may be better"
        ]
    return [f"found {found} prompts, a random {MOST} of them are read"] if found > MOST else []


def _about_nearness(near: dict[str, float], usual: float) -> list[str]:
    nearest = next(iter(near))
    if near[nearest] >= usual:
        return []
    return [f"the prompts are far from every training task: {near[nearest]:.2f} to {nearest}, the nearest, where so"
            f" many prompts of a task like them have {usual:.2f} or more; expect little of the adapter"]  # fmt: skip


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
