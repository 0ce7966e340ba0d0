"""How an answer is asked for and written."""

from typing import Annotated

from pydantic import Field, model_validator

from p2w.config.settings import Settings, Text
from p2w.config.templates import check_fields, fields_of


class AnswerFormat(Settings):
    """How an answer is asked for and written; `labels` name the choices by position, their number is the most.

    `choice` is one line per choice and `response` an answer, of {label} and {choice}; `prompt` is the user's turn, of
    {question}, {choices} (one line each) and {answers} (all responses); of several a row has one.
    """

    labels: Annotated[tuple[Text, ...], Field(min_length=2)]
    choice: str
    response: str
    prompt: str | Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def wordings(self) -> tuple[str, ...]:
        """The wordings of the user's turn."""
        return (self.prompt,) if isinstance(self.prompt, str) else self.prompt

    @model_validator(mode="after")
    def _check(self) -> "AnswerFormat":
        check_fields("choice", self.choice, {"label", "choice"})
        check_fields("response", self.response, {"label", "choice"})
        for wording in self.wordings:
            check_fields("prompt", wording, {"question", "choices", "answers"})
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels: found {list(self.labels)}, expected distinct labels")
        if not fields_of(self.response, "response"):
            raise ValueError(f"response: found {self.response!r}, expected a text with {{label}} or {{choice}}")
        return self
