"""A user's own questions, one to a row of any file, as a table like any dataset's.

A row has a question (or `prompt`, `text`), a context or both. It has choices: a list, or columns a, b, c or choice_1,
choice_2; and its answer, if there is one, is the position of the right choice counted from 0 (a number), its letter or
column, or its text. Or it has no choices: then its `response` (or `answer`), if there is one, is the text to answer.
"""

import re
import string
from collections.abc import Iterable, Mapping
from itertools import zip_longest
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


class Question(Settings):
    """What any question has."""

    question: str | None = None
    context: str | None = None
    id: str | int | None = None

    @model_validator(mode="after")
    def _check_text(self) -> "Question":
        if not self.text:
            raise ValueError("expected a question, a context or both")
        return self

    @property
    def text(self) -> str:
        """Context and question as one text."""
        return " ".join(part.strip() for part in (self.context, self.question) if part and part.strip())


class FreeQuestion(Question):
    """A question that is answered freely, perhaps with its answer."""

    response: str | None = None


class ChoiceQuestion(Question):
    """A question with at least two choices, perhaps with the answer."""

    choices: tuple[str, ...]
    answer: int | str | None = None

    @model_validator(mode="after")
    def _check_choices(self) -> "ChoiceQuestion":
        if len(self.choices) < 2:
            raise ValueError(f"choices: found {len(self.choices)}, expected at least 2")
        if not all(choice.strip() for choice in self.choices):
            raise ValueError(f"choices: found {list(self.choices)}, expected texts that are not empty")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices: found {list(self.choices)}, expected distinct texts")
        return self

    def position(self, columns: list[str]) -> int | None:
        """Position of the right choice, however the answer is written; ValueError when it names none or two."""
        if self.answer is None:
            return None
        letters = string.ascii_uppercase[: len(self.choices)]
        if isinstance(self.answer, int):
            found = {self.answer} & set(range(len(self.choices)))
        else:
            names = zip_longest(map(str.strip, self.choices), letters, columns)
            found = {i for i, called in enumerate(names) if self.answer.strip() in called}
        if len(found) != 1:
            expected = f"one position from 0 to {len(letters) - 1}, letter of {letters} or text of {list(self.choices)}"
            raise ValueError(f"answer: found {self.answer!r}, expected {expected}")
        return found.pop()


def has_choices(items: Iterable[object]) -> bool:
    """Whether some row offers choices, as a list or in columns of their own."""
    rows = (item for item in items if isinstance(item, Mapping))
    return any("choices" in row or any(map(CHOICE_COLUMN.fullmatch, map(str, row))) for row in rows)


def read_questions(path: Path, name: str | None = None) -> pa.Table:
    """Columns `id`, `question`, and `choices` and `answer` (position from 0, as text, or null) or `response`.

    A row without id is called by its position. `name` is what errors call the file. Raises ValueError: names the file,
    the row, found and expected.
    """
    items, name = read_items(path), name or str(path)
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise ValueError(f"{name}[{number}]: found {item!r}, expected a mapping")
    if has_choices(items):
        tabular = path.suffix in (".csv", ".tsv")
        rows = [_choice_row(f"{name}[{number}]", number, item, tabular) for number, item in enumerate(items)]
        return pa.Table.from_pylist(rows, schema=pa.schema(CHOICES))
    rows = [_free_row(f"{name}[{number}]", number, item) for number, item in enumerate(items)]
    return pa.Table.from_pylist(rows, schema=pa.schema(FREE))


def _choice_row(where: str, number: int, item: Mapping[str, Any], tabular: bool) -> dict[str, Any]:
    values, columns = _renamed(where, item, OTHER_NAMES), []
    if "choices" not in values:
        columns = [key for key in values if CHOICE_COLUMN.fullmatch(key)]
        choices = {key: values.pop(key) for key in columns}
        while columns and choices[columns[-1]] is None:
            columns.pop()
        values |= {"choices": [choices[key] for key in columns]} if columns else {}
    # A cell of a csv file has no type, so its digits are a position where no choice could be meant by them.
    digits = [str(text).strip().isdecimal() for text in (values.get("answer"), *(values.get("choices") or ()))]
    if tabular and digits[0] and not any(digits[1:]):
        values["answer"] = int(values["answer"])
    question = parse(ChoiceQuestion, values, where)
    try:
        position = question.position(columns)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    answer = None if position is None else str(position)
    return {**_common(number, question), "choices": list(question.choices), "answer": answer}


def _free_row(where: str, number: int, item: Mapping[str, Any]) -> dict[str, Any]:
    question = parse(FreeQuestion, _renamed(where, item, {**OTHER_NAMES, "answer": "response"}), where)
    return {**_common(number, question), "response": question.response}


def _common(number: int, question: Question) -> dict[str, Any]:
    return {"id": str(number if question.id is None else question.id), "question": question.text}


def _renamed(where: str, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    for other, own in names.items():
        if other in item and own in item:
            raise ValueError(f"{where}: found {other} and {own}, expected one of them")
    return {names.get(key, key): value for key, value in item.items()}
