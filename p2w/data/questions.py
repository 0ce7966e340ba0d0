"""A user's own questions, one to a row of any file, as a table like any dataset's.

A row has a question (or `prompt`, `text`), a context or both. It has choices: a list, or columns a, b, c or choice_1,
choice_2; and its answer, if there is one, is the position of the right choice counted from 0 (a number), its letter or
column, or its text. Or it has no choices: then its `response` (or `answer`), if there is one, is the text to answer.
"""

import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import model_validator

from p2w.config.settings import Settings, parse
from p2w.data.tables import read_items

CHOICES = {"id": pa.string(), "question": pa.string(), "choices": pa.list_(pa.string()), "answer": pa.string()}
FREE = {"id": pa.string(), "question": pa.string(), "response": pa.string()}
CHOICE_COLUMN = re.compile("[a-h]|[A-H]|choice_?[0-9]+")
OTHER_NAMES = {"prompt": "question", "text": "question"}


class FreeQuestion(Settings):
    """A question that is answered freely, perhaps with its answer."""

    question: str | None = None
    context: str | None = None
    response: str | None = None
    id: str | int | None = None

    @model_validator(mode="after")
    def _check(self) -> "FreeQuestion":
        if not _asked(self.context, self.question):
            raise ValueError("expected a question, a context or both")
        return self

    def row(self, number: int) -> dict[str, Any]:
        """The columns of a table of free questions."""
        return {"id": str(number if self.id is None else self.id), "question": _asked(self.context, self.question),
                "response": self.response}  # fmt: skip


class ChoiceQuestion(Settings):
    """A question with at least two choices, perhaps with the answer."""

    choices: tuple[str, ...]
    question: str | None = None
    context: str | None = None
    answer: int | str | None = None
    id: str | int | None = None

    @model_validator(mode="after")
    def _check(self) -> "ChoiceQuestion":
        if not _asked(self.context, self.question):
            raise ValueError("expected a question, a context or both")
        if len(self.choices) < 2:
            raise ValueError(f"choices: found {len(self.choices)}, expected at least 2")
        if not all(choice.strip() for choice in self.choices):
            raise ValueError(f"choices: found {list(self.choices)}, expected texts that are not empty")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices: found {list(self.choices)}, expected distinct texts")
        return self

    def position(self, names: list[str]) -> int | None:
        """Position of the right choice, however the answer is written; ValueError when it names none or two."""
        if self.answer is None:
            return None
        letters = string.ascii_uppercase[: len(self.choices)]
        if isinstance(self.answer, int):
            found = {self.answer} & set(range(len(self.choices)))
        else:
            answer, called = self.answer.strip(), [{letter} for letter in letters]
            called = [{*call, name} for call, name in zip(called, names or letters, strict=True)]
            found = {i for i, choice in enumerate(self.choices) if answer in (choice.strip(), *called[i])}
        if len(found) != 1:
            expected = f"one position from 0 to {len(letters) - 1}, letter of {letters} or text of {list(self.choices)}"
            raise ValueError(f"answer: found {self.answer!r}, expected {expected}")
        return found.pop()

    def row(self, number: int, names: list[str]) -> dict[str, Any]:
        """The columns of a table of questions with choices."""
        position = self.position(names)
        asked = {"id": str(number if self.id is None else self.id), "question": _asked(self.context, self.question)}
        answer = None if position is None else str(position)
        return {**asked, "choices": list(self.choices), "answer": answer}


def _asked(*parts: str | None) -> str:
    """Context and question as one text."""
    return " ".join(part.strip() for part in parts if part and part.strip())


def read_questions(path: Path, name: str | None = None) -> pa.Table:
    """Columns `id`, `question`, and `choices` and `answer` (position from 0, as text, or null) or `response`.

    A row without id is called by its position. `name` is what errors call the file.

    Raises:
        ValueError: names the file, the row, found and expected.
    """
    items, name = read_items(path), name or str(path)
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise ValueError(f"{name}[{number}]: found {item!r}, expected a mapping")
    offered = any("choices" in item or any(map(CHOICE_COLUMN.fullmatch, item)) for item in items)
    tabular = path.suffix in (".csv", ".tsv")
    rows = []
    for number, item in enumerate(items):
        where = f"{name}[{number}]"
        rows.append(_choice_row(where, number, item, tabular) if offered else _free_row(where, number, item))
    return pa.Table.from_pylist(rows, schema=pa.schema(CHOICES if offered else FREE))


def _choice_row(where: str, number: int, item: Mapping[str, Any], tabular: bool) -> dict[str, Any]:
    values = _renamed(where, item, OTHER_NAMES)
    columns = [key for key in values if CHOICE_COLUMN.fullmatch(key)]
    names = [key for key in columns if values[key] is not None]
    if columns and "choices" not in values:
        values = {key: value for key, value in values.items() if key not in columns}
        values["choices"] = [item[key] for key in names]
    answer, choices = values.get("answer"), values.get("choices")
    # A cell of a csv file has no type, so its digits are a position where no choice could be meant by them.
    if tabular and str(answer).isdecimal() and not any(str(choice).strip().isdecimal() for choice in choices or []):
        values["answer"] = int(str(answer))
    question = parse(ChoiceQuestion, values, where)
    try:
        return question.row(number, names if columns else [])
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _free_row(where: str, number: int, item: Mapping[str, Any]) -> dict[str, Any]:
    return parse(FreeQuestion, _renamed(where, item, {**OTHER_NAMES, "answer": "response"}), where).row(number)


def _renamed(where: str, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    for other, own in names.items():
        if other in item and own in item:
            raise ValueError(f"{where}: found {other} and {own}, expected one of them")
    return {names.get(key, key): value for key, value in item.items()}
