"""How a free answer is scored."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from p2w.config.settings import Settings, Text

Kind = Literal["exact", "normalized", "one_of", "number", "math", "code"]


class Score(Settings):
    """How a free answer is scored: `answers` are the closed set of one_of, `tests` what a code answer has to pass.

    `tests` is Python with columns; a line "# answer" in it says where the answer stands, without it in front. A kind
    that needs neither may stand for itself: `score: exact`.
    """

    kind: Kind
    answers: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None
    tests: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, content: Any) -> Any:
        if isinstance(content, str) and content not in get_args(Kind):
            raise ValueError(f"kind: found {content!r}, expected one of {', '.join(get_args(Kind))}")
        return {"kind": content} if isinstance(content, str) else content

    @model_validator(mode="after")
    def _check(self) -> "Score":
        for key, kind in (("answers", "one_of"), ("tests", "code")):
            if (getattr(self, key) is None) == (self.kind == kind):
                found = "none" if self.kind == kind else f"some beside kind {self.kind}"
                raise ValueError(f"{key}: found {found}, expected {key} with kind {kind} and with no other")
        said = [answer.strip() for answer in self.answers or ()]
        if len(set(said)) < len(said) or "" in said:
            raise ValueError(f"answers: found {said}, expected distinct texts")
        return self
