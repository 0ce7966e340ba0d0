"""How a free answer is scored."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from p2w.config.settings import Settings, Text


class Score(Settings):
    """How a free answer is scored: `answers` are the closed set of one_of, `tests` what a code answer has to pass."""

    kind: Literal["exact", "normalized", "one_of", "number", "math", "code"]
    answers: tuple[Text, ...] | None = None
    tests: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, content: Any) -> Any:
        """A kind that needs nothing else may stand for itself."""
        return content if isinstance(content, Mapping | Score) else {"kind": content}

    @model_validator(mode="after")
    def _check(self) -> "Score":
        for key, kind in (("answers", "one_of"), ("tests", "code")):
            if (getattr(self, key) is None) == (self.kind == kind):
                raise ValueError(f"{key}: found kind {self.kind}, expected {key} with kind {kind}, and with no other")
        return self
