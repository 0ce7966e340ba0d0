"""Raw rows become samples: one question, its choices, the answer, and the exact texts a model sees."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from p2w.config.answer_formats import AnswerFormat
from p2w.config.tasks import Answer, Choices, Task
from p2w.data.division import digest
from p2w.data.fields import as_text, cell, columns_in, fill, is_missing
from p2w.runtime.tables import read_table, write_table

SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "question": pa.string(),
        "choices": pa.list_(pa.string()),
        "answer": pa.int64(),
        "system": pa.string(),
        "prompt": pa.string(),
        "responses": pa.list_(pa.string()),
        "response": pa.string(),
        "tests": pa.string(),
    }
)
COLUMNS = tuple(SCHEMA.names)


def render_samples(
    name: str, task: Task, answer_format: AnswerFormat | None, table: pd.DataFrame, split: str
) -> pd.DataFrame:
    """One sample per raw row, in order; where the id is what several columns hold, one for the same row twice.

    Raises ValueError: an empty split, a missing column, an unlabelled or out-of-range answer, a repeated id; names
    task, split, row and value.

    Returns:
        Columns `id` (text), `question`, `choices` (list), `answer` (position of the right choice; missing only where
        the task allows unlabeled rows), `system`, `prompt`, `responses` (the answer each choice stands for),
        `response` (the right one), `tests` (what an answer that is code has to pass; else missing). A freely answered
        task has no choices, no answer's position and no responses.
    """
    if table.empty:
        raise ValueError(f"{name}/{split}: found 0 rows, expected at least 1")
    if (answer_format is None) != (task.format is None):
        raise ValueError(f"{name}: found answer format {answer_format}, expected that of format {task.format!r}")
    rows = [
        _render_row(f"{name}/{split} row {number}", f"{name}-{split}-{number}", task, answer_format, row)
        for number, row in enumerate(table.to_dict("records"))
    ]
    if isinstance(task.id, tuple):  # the same content once more says nothing new
        rows = list({str(row): row for row in rows}.values())
    samples = _frame(rows)
    repeated = samples["id"][samples["id"].duplicated()]
    if len(repeated):
        raise ValueError(f"{name}/{split}: id {repeated.iloc[0]!r} occurs more than once, expected distinct ids")
    return samples


def _render_row(
    where: str, default_id: str, task: Task, answer_format: AnswerFormat | None, row: Mapping[str, Any]
) -> dict[str, Any]:
    name = default_id if task.id is None else _id(where, task.id, row)
    asked = _clean(fill(where, _wording(task.wordings, name), row, lists=True), task)
    if answer_format:
        answered = _choose(where, asked, task, answer_format, _wording(answer_format.wordings, name, "format"), row)
    else:
        answered = _free(where, asked, task, row)
    return {"id": name, "question": asked, "system": task.system, **answered}


def _choose(
    where: str, question: str, task: Task, answer_format: AnswerFormat, turn: str, row: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns of a sample that is answered by one of its choices, in this wording of the user's turn."""
    texts = _choices(where, task.choices, row)
    choices = [_clean(choice, task) for choice in texts]
    _check_choices(where, choices, answer_format)
    pairs = list(zip(answer_format.labels, choices, strict=False))
    responses = [answer_format.response.format(label=label, choice=choice) for label, choice in pairs]
    named = task.answer.encoding == "choice"
    labels = [text.strip() for text in texts] if named else _labels(where, task.choices, row, len(choices))
    answer = _answer(where, task.answer, labels, len(choices), row)
    prompt = turn.format(
        question=question,
        choices="\n".join(answer_format.choice.format(label=label, choice=choice) for label, choice in pairs),
        answers=either(responses),
    )
    right = {"answer": answer, "response": None if answer is None else responses[answer], "tests": None}
    return {"choices": choices, "prompt": prompt, "responses": responses, **right}


def _free(where: str, question: str, task: Task, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a sample that is answered freely; the question is all that the user says."""
    used = columns_in(str(task.response))
    missing = task.optional and any(is_missing(cell(where, row, name)) for name in used)
    response = None if missing else _clean(fill(where, str(task.response), row), task)
    if response == "":
        raise ValueError(f"{where}: found an empty response, expected a text")
    tests = fill(where, task.score.tests, row, lists=True) if task.score and task.score.tests else None
    right = {"answer": None, "response": response, "tests": tests}
    return {"choices": [], "prompt": question, "responses": [], **right}


def check_prompts(name: str, samples: pd.DataFrame, least: int) -> None:
    """ValueError where a task has fewer distinct prompts than a generator will ask for: now, not after its training."""
    if (n := samples["prompt"].nunique()) < least:
        raise ValueError(f"{name}/train: found {n} distinct prompts, expected {least} or more:"
                         " decoder.num_prompts, and what validation keeps apart")  # fmt: skip


def write_samples(path: str | Path, samples: pd.DataFrame, metadata: dict[str, Any]) -> None:
    """Write samples as one parquet file with its provenance."""
    write_table(path, pa.Table.from_pandas(samples, schema=SCHEMA, preserve_index=False), metadata)


def read_samples(path: str | Path) -> pd.DataFrame:
    """Samples as `render_samples` returns them; ValueError when the columns are not those of samples."""
    table = read_table(path)
    if table.schema.remove_metadata() != SCHEMA:
        raise ValueError(f"{path}: found columns {table.schema.names}, expected the samples' {list(COLUMNS)}")
    return _frame(table.to_pylist())


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table whose types do not depend on whether a value is missing."""
    samples = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"answer": "Int64"})
    # Missing text stays None, which is neither NaN nor a string, as rows and JSON have it.
    texts = ("response", "tests")
    return samples.assign(**{name: pd.Series([row[name] for row in rows], dtype=object) for name in texts})


def either(words: list[str]) -> str:
    """`["a", "b", "c"]` as "a, b or c"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _clean(text: str, task: Task) -> str:
    for pattern, replacement in task.replace:
        text = re.sub(pattern, replacement, text)
    return text.strip()


def _wording(wordings: Sequence[str], name: str, of: str = "") -> str:
    """The wording that a row has: by its id, so that other rows do not change it, and by what it is `of`, so that one
    says nothing of another."""
    number = int.from_bytes(hashlib.sha256(f"{of}{name}".encode()).digest()[-8:])
    return wordings[number % len(wordings)]


def _id(where: str, path: str | tuple[str, ...], row: Mapping[str, Any]) -> str:
    if isinstance(path, tuple):
        return digest(cell(where, row, column) for column in path)
    value = cell(where, row, path)
    if is_missing(value) or value == "":
        raise ValueError(f"{where}: column {path!r}: found {value!r}, expected an id")
    return str(value)


def _choices(where: str, choices: Choices, row: Mapping[str, Any]) -> list[str]:
    if choices.fixed:
        return list(choices.fixed)
    if choices.columns:
        return [as_text(where, column, cell(where, row, column)) for column in choices.columns]
    values = _list(where, str(choices.list), row)
    return [as_text(where, str(choices.list), value) for value in values]


def _list(where: str, path: str, row: Mapping[str, Any]) -> list[Any]:
    values = cell(where, row, path)
    if not isinstance(values, list | tuple | np.ndarray):
        raise ValueError(f"{where}: column {path!r}: found {values!r}, expected a list")
    return list(values)


def _labels(where: str, choices: Choices, row: Mapping[str, Any], count: int) -> list[str]:
    if choices.labels is None:
        return []
    labels = [str(label).strip() for label in _list(where, choices.labels, row)]
    if len(labels) != count:
        raise ValueError(f"{where}: found {len(labels)} labels for {count} choices, expected as many")
    return labels


def _check_choices(where: str, choices: list[str], answer_format: AnswerFormat) -> None:
    """Only their number: a benchmark's row with an empty choice still counts, and is answered by label."""
    most = len(answer_format.labels)
    if not 2 <= len(choices) <= most:
        raise ValueError(f"{where}: found {len(choices)} choices, expected 2 to {most}")


def _answer(where: str, answer: Answer, labels: list[str], count: int, row: Mapping[str, Any]) -> int | None:
    """Position of the right choice, whatever the dataset's encoding; None where an unlabeled row is allowed."""
    if answer.optional and is_missing(row.get(answer.column)):
        return None
    value = cell(where, row, answer.column)
    legal, found = labels, str(value).strip()
    if answer.encoding == "boolean":
        legal, found = ["True", "False"], found if isinstance(value, bool | np.bool_) else found.capitalize()
    elif answer.encoding.startswith("index"):
        base = int(answer.encoding == "index1")
        legal = [str(base + i) for i in range(count)]
    position = legal.index(found) if legal.count(found) == 1 else None
    if position is None:
        raise ValueError(f"{where}: column {answer.column!r}: found answer {value!r}, expected one of {legal}")
    return position
