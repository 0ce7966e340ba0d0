"""What the page does when somebody presses a button, without the page."""

import shutil
import time
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock

from transformers import PreTrainedModel

from p2w.base.base_model import load_model, load_tokenizer
from p2w.page.history import Histories, Made
from p2w.page.inputs import MOST_TOKENS, prompts_from, question_from
from p2w.using.adapter import Adapter
from p2w.using.asking import BASE, answers, system_of, weights_of
from p2w.using.bases import base_of
from p2w.using.generator import Generator

STRONGEST = 2.0  # times an adapter's own effect


class Desk:
    """A generator and its base model at the service of several visitors, who take turns."""

    def __init__(self, generator: Generator, base: str | None = None) -> None:
        self.generator, self.histories, self._lock = generator, Histories(), Lock()
        generator.encode(["a prompt"])  # loads the encoder, before anybody waits for it
        self.base = base_of(generator.of_no_prompt(), base)
        self.model: PreTrainedModel = load_model(self.base)
        self.tokenizer = load_tokenizer(self.base)

    def generate(self, visitor: str, text: str, file: str | None) -> int:
        """The number of a new adapter among the visitor's; ValueError says what is wrong with the prompts."""
        prompts = prompts_from(text, file)
        with self._lock, warnings.catch_warnings(action="ignore"):
            start = time.monotonic()
            adapter = self.generator.generate(prompts)
            seconds = time.monotonic() - start
        return self.histories.add(visitor, _packed(adapter, seconds))

    def made(self, visitor: str, number: int | None) -> Made:
        """One of the visitor's adapters; ValueError when there is none of that number."""
        found = self.histories.of(visitor)
        if number not in found:
            raise ValueError(f"adapter {number}: it is not here any more, expected one of {sorted(found) or 'none'}")
        return found[number]

    def ask(self, visitor: str, number: int | None, question: str, strength: float, tokens: int) -> Iterator[list[str]]:
        """After every token what the base model and the adapted one have said; ValueError says what is wrong."""
        adapter, question = self.made(visitor, number).adapter, question_from(question)
        if not 0 <= strength <= STRONGEST or not 1 <= tokens <= MOST_TOKENS:
            raise ValueError(f"found strength {strength}, {tokens} tokens; at most {STRONGEST} and {MOST_TOKENS}")
        both = [BASE, weights_of(adapter, strength)]
        found = answers(self.model, self.tokenizer, both, question, system_of(adapter), tokens)
        while True:
            with self._lock:
                said = next(found, None)
            if said is None:
                return
            yield said


def _packed(adapter: Adapter, seconds: float) -> Made:
    """An adapter and its zip, which goes when nobody knows the adapter any more."""
    name, folder = f"p2w_adapter_{adapter.record['prompts']['sha256'][:8]}", Path(mkdtemp(prefix="p2w-"))
    adapter.save_pretrained(folder / name)
    made = Made(adapter, seconds, Path(shutil.make_archive(str(folder / name), "zip", folder, name)))
    weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
    return made
