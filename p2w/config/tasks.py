"""The task table: one entry says where a dataset lives and how its rows become samples."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from p2w.config.answer_formats import AnswerFormat
from p2w.config.locations import Location
from p2w.config.scoring import Score
from p2w.config.settings import Count, Name, Settings, Text
from p2w.config.templates import check_columns, check_replacement

QUESTION_FORMAT = "bracket_letter"  # of a file of questions whose entry names none


class Choices(Settings):
    """Where the choices stand: a list column (with the labels that its answers use), columns, or fixed texts."""

    list: Text | None = None
    labels: Text | None = None
    columns: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None
    fixed: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _check(self) -> "Choices":
        if sum(map(bool, (self.list, self.columns, self.fixed))) != 1:
            raise ValueError("expected exactly one of list, columns, fixed")
        return self


class Answer(Settings):
    """Which column holds the answer and how it is encoded: as one of the row's labels (of `choices.labels`), as a
    position counted from 0 or 1, as true or false, or as the text of the right choice."""

    column: Text
    encoding: Literal["label", "index0", "index1", "boolean", "choice"]
    optional: bool = False


class Task(Location):
    """One entry of the task table: where its rows live, and how a row becomes a sample.

    A row is answered by one of its choices, or freely: then `response` is a text with columns, and `question` all that
    the user says; with `optional` it may be missing, as answers may with `answer.optional`. Of several wordings of the
    `question` a row has one. `replace` are regular expressions and what takes their place in questions, choices and
    responses. `score` says how a free answer of at most `max_new_tokens` is judged; without it none is. Files without
    `question` have rows that are questions as `p2w.data.questions` reads them.
    """

    question: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    system: str | None = None
    choices: Choices | None = None
    answer: Answer | None = None
    format: Text | None = None
    response: str | None = None
    optional: bool = False
    replace: tuple[tuple[str, str], ...] = ()
    score: Score | None = None
    max_new_tokens: Count | None = None

    @property
    def wordings(self) -> tuple[str, ...]:
        """The wordings of the question: none of rows that are questions."""
        return (self.question,) if isinstance(self.question, str) else self.question or ()

    @model_validator(mode="before")
    @classmethod
    def _own_format(cls, content: Any) -> Any:
        """The format of questions with choices, where the entry names none."""
        questions = isinstance(content, Mapping) and "question" not in content and "hub" not in content
        return {"format": QUESTION_FORMAT, **content} if questions else content

    @model_validator(mode="after")
    def _check_rendering(self) -> "Task":
        for pattern, replacement in self.replace:
            check_replacement(pattern, replacement)
        if self.question is None:
            given = [key for key in ("hub", "choices", "answer", "response", "id") if getattr(self, key) is not None]
            if given:
                raise ValueError(f"missing key 'question', expected one beside {', '.join(given)}")
            return self
        if self.system is None:
            raise ValueError("missing key 'system'")
        missing = [key for key in ("choices", "answer", "format") if getattr(self, key) is None]
        if len(missing) != (0 if self.response is None else 3):
            found = "none" if self.response is None else "some"
            raise ValueError(f"found {found} response, missing {', '.join(missing) or 'nothing'}, "
                             "expected either choices, answer and format, or response")  # fmt: skip
        if self.optional and self.response is None:
            raise ValueError("optional: found no response, expected answer.optional for an answer by choices")
        if self.answer and self.choices and (self.answer.encoding == "label") != (self.choices.labels is not None):
            raise ValueError("answer.encoding 'label' and choices.labels go together")
        if self.score and self.response is None:
            raise ValueError("score: found one beside choices, expected one beside response only")
        for wording in self.wordings:
            check_columns(wording, "question")
        if self.response is not None:
            check_columns(self.response, "response")
        return self


class TaskTable(Settings):
    """All tasks and answer formats by name; a dot would stand between a task and its format."""

    formats: dict[Name, AnswerFormat]
    tasks: dict[Name, Task]

    @model_validator(mode="after")
    def _check(self) -> "TaskTable":
        for name, task in self.tasks.items():
            if not (task.hub or task.file or task.files or task.folder):
                raise ValueError(f"tasks.{name}: expected exactly one of hub, file, files, folder")
            if task.format not in (None, *self.formats):
                known = ", ".join(sorted(self.formats))
                raise ValueError(f"tasks.{name}.format: no format {task.format!r}; formats: {known}")
            if (task.score is None) != (task.max_new_tokens is None):
                raise ValueError(f"tasks.{name}: found one of score and max_new_tokens, expected both, or neither")
        return self

    def entry(self, name: str) -> tuple[Task, AnswerFormat | None]:
        """A task with its answer format, which a freely answered one does not have; ValueError lists what exists."""
        if name not in self.tasks:
            raise ValueError(f"no task {name!r}; tasks: {', '.join(sorted(self.tasks))}")
        task = self.tasks[name]
        return task, None if task.format is None else self.formats[task.format]
