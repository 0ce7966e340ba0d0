"""What the page does when somebody presses a button, without the page."""

import shutil
import time
import warnings
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from transformers import PreTrainedModel

from p2w.base.base_model import load_model, load_tokenizer
from p2w.page.history import MOST, Histories, Made
from p2w.page.inputs import MOST_TOKENS, prompts_from, question_from
from p2w.using.asking import answers, system_of, weights_of
from p2w.using.bases import base_of
from p2w.using.generator import Generator

STRONGEST = 2.0  # times an adapter's own effect


class Desk:
    """A generator and its base model at the service of several visitors, who take turns."""

    def __init__(self, generator: Generator, base: str | None = None) -> None:
        self.generator, self.histories, self._lock = generator, Histories(), Lock()
        self._zips: deque[TemporaryDirectory[str]] = deque()
        with warnings.catch_warnings(action="ignore"):
            first = generator.generate(["a prompt"])  # loads the encoder, before anybody waits for it
        self.base = base_of(first, base)
        self.model: PreTrainedModel = load_model(self.base)
        self.tokenizer = load_tokenizer(self.base)

    def generate(self, visitor: str, text: str, file: str | None) -> int:
        """The number of a new adapter among the visitor's; ValueError says what is wrong with the prompts."""
        prompts = prompts_from(text, file)
        with self._lock, warnings.catch_warnings(action="ignore"):
            start = time.monotonic()
            adapter = self.generator.generate(prompts)
            made = Made(adapter, time.monotonic() - start)
        return self.histories.add(visitor, made)

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
        both = [({}, 1.0), weights_of(adapter, strength)]
        found = answers(self.model, self.tokenizer, both, question, system_of(adapter), tokens)
        while True:
            with self._lock:
                said = next(found, None)
            if said is None:
                return
            yield said

    def zipped(self, visitor: str, number: int | None) -> str:
        """A zip with one of the visitor's adapters, as PEFT reads it when it is unpacked; it stays for a while."""
        name, place = f"p2w_adapter_{number}", TemporaryDirectory(prefix="p2w-")
        self._zips.append(place)
        if len(self._zips) > MOST:
            self._zips.popleft().cleanup()
        adapter = self.made(visitor, number).adapter
        adapter.save_pretrained(Path(place.name, name))
        return shutil.make_archive(str(Path(place.name, name)), "zip", place.name, name)
