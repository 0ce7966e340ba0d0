"""The pocket world: everyday facts, the words that ask about them, and which facts belong to which split.

A relation joins subjects to objects ("a banana" to "yellow"). The false choices of a question are other objects of the
same relation, so that only knowledge tells them from the right one.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

from p2w.config.yaml_files import read_yaml

WORLD = Path(__file__).with_name("world.yaml")
_WORLD = read_yaml(WORLD)
MASS, UNIQUE = (frozenset(_WORLD[key].split()) for key in ("mass", "unique"))


@dataclass(frozen=True)
class Fact:
    """One thing that is true: `subject` has `object` in `relation`."""

    relation: str
    subject: str
    object: str


@dataclass(frozen=True)
class Relation:
    """A table of facts with its phrasings; `{s}` is the subject, `{o}` the object."""

    name: str
    table: str
    statement: str
    questions: tuple[str, ...]
    yes_no: tuple[str, ...] = ()
    bare: bool = False  # subjects are phrases that take no article
    paired: bool = False  # the table is of pairs, true in both directions
    alike: str = ""  # objects that are too close to stand as false choices for each other: `one/other, ...`

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """All facts, in the order of the table."""
        return tuple(Fact(self.name, subject, obj) for subject, obj in (_pairs if self.paired else _lines)(self.table))

    @cached_property
    def objects(self) -> tuple[str, ...]:
        """All objects, in the order of the table."""
        return tuple(dict.fromkeys(fact.object for fact in self.facts))

    def false_objects(self, subject: str) -> tuple[str, ...]:
        """The objects that are plainly wrong for a subject."""
        true = {fact.object for fact in self.facts if fact.subject == subject}
        pairs = [set(pair.split("/")) for pair in self.alike.strip().split(", ")]
        close = {word for pair in pairs if pair & true for word in pair}
        return tuple(obj for obj in self.objects if obj not in true | close)

    def noun(self, subject: str) -> str:
        """The subject as it stands in a sentence: "a banana", "snow", "the sky"."""
        return subject if self.bare else noun(subject)

    def fold(self, folds: tuple[int, ...]) -> tuple[Fact, ...]:
        """The facts of some of five equal folds; neighbours in the table share an object, so a fold has all kinds."""
        width = 2 if self.paired else 1
        offset = crc32(self.name.encode())
        return tuple(fact for i, fact in enumerate(self.facts) if (i // width + offset) % 5 in folds)


def noun(word: str) -> str:
    """A noun with the article it needs."""
    if word in MASS:
        return word
    if word in UNIQUE:
        return f"the {word}"
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _lines(table: str) -> list[tuple[str, str]]:
    rows = [line.split(": ") for line in table.strip().splitlines()]
    return [(subject, obj) for obj, subjects in rows for subject in subjects.split(", ")]


def _pairs(table: str) -> list[tuple[str, str]]:
    pairs = [pair.split() for pair in table.split(",")]
    return [fact for left, right in pairs for fact in ((left, right), (right, left))]


def _relation(name: str, entry: dict[str, Any]) -> Relation:
    return Relation(name, **{key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})


RELATIONS: dict[str, Relation] = {name: _relation(name, entry) for name, entry in _WORLD["relations"].items()}
