"""The pocket world: everyday facts, the words that ask about them, and which facts belong to which split.

A relation joins subjects to objects ("a banana" to "yellow"). The false choices of a question are other objects of the
same relation, so that only knowledge tells them from the right one.
"""

from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from p2w.pocket import doings, facts
from p2w.pocket.alike import ALIKE

MASS = frozenset(facts.MASS.split())
UNIQUE = {"sky", "sea", "tongue", "brain", "nose", "mouth", "jaw"}


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
    paired: bool = False  # every line of the table is one pair, true in both directions

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
        pairs = [set(pair.split("/")) for pair in ALIKE.get(self.name, "").replace("\n", " ").strip().split(", ")]
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
    pairs = [pair.split() for pair in table.replace("\n", " ").strip().split(",")]
    return [fact for left, right in pairs for fact in ((left, right), (right, left))]


_ALL = (
    Relation(
        "color",
        facts.COLOR,
        "{s} is {o}",
        ("What color is {s}?", "Which color does {s} have?", "What is the usual color of {s}?"),
        ("is {s} {o}", "is {o} the color of {s}"),
    ),
    Relation(
        "kind",
        facts.KIND,
        "{s} is {o}",
        ("What kind of thing is {s}?", "Which group does {s} belong to?", "What is {s}?"),
        ("is {s} {o}", "can you say that {s} is {o}"),
    ),
    Relation(
        "sound",
        facts.SOUND,
        "the sound of {s} is {o}",
        ("What sound does {s} make?", "Which sound comes from {s}?", "How does {s} sound?"),
        ("does {s} {o}", "do you hear {s} {o}"),
    ),
    Relation(
        "cover",
        facts.COVER,
        "{s} is covered by {o}",
        ("What covers the body of {s}?", "What is the skin of {s} covered by?"),
        ("is {s} covered by {o}",),
    ),
    Relation(
        "legs",
        facts.LEGS,
        "{s} has {o} legs",
        ("How many legs does {s} have?", "What number of legs does {s} have?"),
        ("does {s} have {o} legs", "can {s} have {o} legs"),
    ),
    Relation(
        "material",
        facts.MATERIAL,
        "{s} is made of {o}",
        ("What is {s} made of?", "Which material is used to make {s}?", "From what do people make {s}?"),
        ("is {s} made of {o}", "do people make {s} of {o}"),
    ),
    Relation(
        "source",
        facts.SOURCE,
        "{s} comes from {o}",
        ("Where does {s} come from?", "What gives us {s}?", "What is the source of {s}?"),
    ),
    Relation(
        "becomes",
        facts.BECOMES,
        "{s} grows into {o}",
        ("What does {s} grow into?", "What does {s} become later?", "What is {s} after it grows?"),
    ),
    Relation(
        "organ",
        facts.ORGAN,
        "{s} is used to {o}",
        ("What is {s} used for in a body?", "What does {s} help a body to do?", "Why does a body have {s}?"),
    ),
    Relation(
        "diet",
        facts.DIET,
        "{s} eats {o}",
        ("What does {s} eat?", "Which food does {s} need?", "What is the food of {s}?"),
        ("does {s} eat {o}", "is {s} known to eat {o}"),
    ),
    Relation(
        "home",
        facts.HOME,
        "{s} lives in {o}",
        ("In nature, {s} lives in", "Most of the time, {s} lives in", "The usual home of {s} is"),
        ("does {s} live in {o}", "is {o} the home of {s}"),
    ),
    Relation(
        "job",
        facts.JOB,
        "{s} works in {o}",
        ("Every day, {s} works in", "Most of the time, {s} works in", "The usual place for the work of {s} is"),
        ("does {s} work in {o}", "is {o} the place where {s} works"),
    ),
    Relation(
        "opposite",
        doings.OPPOSITE_PAIRS,
        "the opposite of {s} is {o}",
        ("The opposite of {s} is", "The word that means the reverse of {s} is", "If it is not {s} at all, it is"),
        bare=True,
        paired=True,
    ),
    Relation(
        "next",
        doings.NEXT,
        "with {s} one {o}",
        ("{n} picks up {s}.", "{n} is holding {s}.", "In the video, {n} takes {s}.", "There is {s} and {n} gets it."),
    ),
    Relation(
        "property",
        doings.PROPERTY,
        "the {s} is {o}",
        (
            "{n} likes the {a} more than the {b} because the _ is {o}.",
            "The {a} is not like the {b} because the _ is {o}.",
            "{n} looked at the {a} and the {b} and said that the _ is {o}.",
            "Of the {a} and the {b}, the _ is {o}.",
        ),
        bare=True,
    ),
    Relation(
        "tool",
        doings.TOOL,
        "to {s}, use {o}",
        ("How do you {s}?", "To {s}, what should you do?", "You want to {s}.", "This is how to {s}."),
        bare=True,
    ),
    Relation(
        "feel",
        doings.FEEL,
        "who {s} feels {o}",
        ("How does {n} feel?", "How would {n} feel after this?", "What is the mood of {n} now?"),
        bare=True,
    ),
    Relation(
        "want",
        doings.WANT,
        "who {s} will {o}",
        ("What will {n} do next?", "What does {n} want to do now?", "What should {n} do after this?"),
        bare=True,
    ),
)
RELATIONS: dict[str, Relation] = {relation.name: relation for relation in _ALL}
