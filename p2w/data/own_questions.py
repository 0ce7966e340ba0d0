"""A user's own questions in one JSON file, as a table like any dataset's."""

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from p2w.config.settings import parse
from p2w.runtime.files import read_json

SCHEMA = pa.schema(
    {"id": pa.string(), "question": pa.string(), "choices": pa.list_(pa.string()), "answer": pa.string()}
)


@dataclass(frozen=True)
class JsonSample:
    """One item: a question or a context or both, at least two choices, perhaps the answer.

    `answer` is the position of the right choice counted from 0, its letter, or its text; without it the item is a
    prompt without a label.
    """

    choices: tuple[str, ...]
    question: str | None = None
    context: str | None = None
    answer: int | str | None = None
    id: str | int | None = None

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("expected a question, a context or both")
        if len(self.choices) < 2:
            raise ValueError(f"choices: found {len(self.choices)}, expected at least 2")
        if not all(choice.strip() for choice in self.choices):
            raise ValueError(f"choices: found {list(self.choices)}, expected texts that are not empty")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices: found {list(self.choices)}, expected distinct texts")

    @property
    def text(self) -> str:
        """Context and question as one text."""
        return " ".join(part.strip() for part in (self.context, self.question) if part and part.strip())

    @property
    def position(self) -> int | None:
        """Position of the right choice, however the answer is written; ValueError when it names none or two."""
        if self.answer is None:
            return None
        letters = string.ascii_uppercase[: len(self.choices)]
        if isinstance(self.answer, int):
            found = {self.answer} & set(range(len(self.choices)))
        else:
            answer = self.answer.strip()
            found = {i for i, choice in enumerate(self.choices) if answer in (choice.strip(), letters[i])}
        if len(found) != 1:
            expected = f"one position from 0 to {len(letters) - 1}, letter of {letters} or text of {list(self.choices)}"
            raise ValueError(f"answer: found {self.answer!r}, expected {expected}")
        return found.pop()


def read_json_samples(path: Path) -> pa.Table:
    """A list of samples as columns `id`, `question`, `choices`, `answer` (position from 0, as text, or null).

    An item without id is called by its position.

    Raises:
        ValueError: names the file, the item, found and expected.
    """
    items = read_json(path)
    if not isinstance(items, list) or not items:
        raise ValueError(f"{path}: found {_kind(items)}, expected a list of at least one sample")
    rows = [_row(f"{path}[{number}]", number, item) for number, item in enumerate(items)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(where: str, number: int, item: Any) -> dict[str, Any]:
    sample = parse(JsonSample, item, where)
    try:
        position = sample.position
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return {
        "id": str(number if sample.id is None else sample.id),
        "question": sample.text,
        "choices": list(sample.choices),
        "answer": None if position is None else str(position),
    }


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else type(value).__name__
