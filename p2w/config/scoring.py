"""How a free answer is scored."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from p2w.config.settings import Settings, Text


class Score(Settings):
    """A kind of comparison with the reference; `answers` are the closed set of `one_of`, `tests` what `code` has to
    pass, a text with columns. A kind by itself may stand for the mapping."""

    kind: Literal["exact", "normalized", "number", "math", "one_of", "code"]
    answers: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None
    tests: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, content: Any) -> Any:
        return {"kind": content} if isinstance(content, str) else content

    @model_validator(mode="after")
    def _check(self) -> "Score":
        for key, kind, value in (("answers", "one_of", self.answers), ("tests", "code", self.tests)):
            if (self.kind == kind) != (value is not None):
                found = "none" if value is None else "one"
                raise ValueError(f"{key}: found {found} for kind {self.kind!r}, expected one for kind {kind!r} only")
        return self
