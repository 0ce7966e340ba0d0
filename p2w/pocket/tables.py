"""Tables about the pocket world in each dataset's own columns and types, as the Hub would deliver them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pandas as pd

from p2w.pocket.world import RELATIONS, Fact, Relation

WOMEN = ("Anna", "Lucy", "Mia", "Kate")
MEN = ("Tom", "Ben", "Sam", "Max")
# Folds of the facts by split: what a test asks about is never asked in training.
THREE_SPLITS = {"train": (0, 1, 2), "validation": (3,), "test": (4,)}
TWO_SPLITS = {"train": (0, 1, 2), "validation": (3, 4)}
DIGIT_LABELS = 0.1  # share of ARC rows whose labels are 1-4 instead of A-D
OTHER_WIDTHS = 0.06  # share of ARC rows with three or five choices
ATTEMPTS = 20  # draws per row before a table counts as exhausted

Row = dict[str, Any]


@dataclass(frozen=True)
class Draw:
    """What a row is made from: one fact, the place of the right answer, and where it stands in the table."""

    rng: Random
    fact: Fact
    facts: tuple[Fact, ...]
    place: float  # of the right choice, in [0, 1): one number for any count of choices
    split: str
    index: int

    @property
    def relation(self) -> Relation:
        return RELATIONS[self.fact.relation]

    @property
    def subject(self) -> str:
        return self.relation.noun(self.fact.subject)

    def question(self, **words: str) -> str:
        """One of the relation's phrasings."""
        return self.rng.choice(self.relation.questions).format(s=self.subject, **words)

    def choices(self, count: int) -> tuple[list[str], int]:
        """The right object among false ones, and its position."""
        false = self.rng.sample(self.relation.false_objects(self.fact.subject), count - 1)
        position = int(self.place * count)
        return [*false[:position], self.fact.object, *false[position:]], position


@dataclass(frozen=True)
class PocketTask:
    """Which facts a task asks about, in which splits, and how a row of it is built."""

    relations: tuple[str, ...]
    splits: dict[str, tuple[int, ...]]
    row: Callable[[Draw], Row]


def pocket_table(task: str, split: str, rows: int, seed: int) -> pd.DataFrame:
    """`rows` distinct rows of a task's split, the same for the same arguments."""
    if task not in TASKS:
        raise ValueError(f"no pocket task {task!r}; tasks: {', '.join(TASKS)}")
    entry = TASKS[task]
    if split not in entry.splits:
        raise ValueError(f"no split {split!r} of pocket task {task!r}; splits: {', '.join(entry.splits)}")
    rng = Random(f"{task}/{split}/{seed}")
    found: dict[str, Row] = {}
    for row in _rows(entry, split, rows, rng):
        found.setdefault(_content(row), row)
        if len(found) == rows:
            return pd.DataFrame(list(found.values()))
    raise ValueError(f"pocket task {task!r}, split {split!r}: {len(found)} distinct rows exist, {rows} were asked for")


def _rows(entry: PocketTask, split: str, rows: int, rng: Random) -> Iterator[Row]:
    """Rows for ever: facts in rounds, so that all are asked equally often; places of the answer in even steps."""
    facts = tuple(fact for name in entry.relations for fact in RELATIONS[name].fold(entry.splits[split]))
    queue: list[Fact] = []
    places: list[float] = []
    for index in range(rows * ATTEMPTS):
        queue = queue or rng.sample(facts, len(facts))
        places = places or rng.sample([(step + 0.5) / 60 for step in range(60)], 60)
        yield entry.row(Draw(rng, queue.pop(), facts, places.pop(), split, index))


def _content(row: Row) -> str:
    return repr([value for key, value in row.items() if key not in ("id", "ind", "source_id")])


def _arc(draw: Draw) -> Row:
    count = draw.rng.choice((3, 5)) if draw.rng.random() < OTHER_WIDTHS else 4
    labels = "12345" if draw.rng.random() < DIGIT_LABELS else "ABCDE"
    choices, position = draw.choices(count)
    return {
        "id": f"Pocket_{draw.split}_{draw.index}",
        "question": draw.question(),
        "choices": {"text": choices, "label": list(labels[:count])},
        "answerKey": labels[position],
    }


def _boolq(draw: Draw) -> Row:
    true = draw.place < 0.5
    obj = draw.fact.object if true else draw.rng.choice(draw.relation.false_objects(draw.fact.subject))
    question = draw.rng.choice(draw.relation.yes_no).format(s=draw.subject, o=obj)
    return {"question": question, "answer": true, "passage": ""}


def _openbookqa(draw: Draw) -> Row:
    choices, position = draw.choices(4)
    return {
        "id": f"pocket-{draw.split}-{draw.index}",
        "question_stem": draw.question(),
        "choices": {"text": choices, "label": list("ABCD")},
        "answerKey": "ABCD"[position],
    }


def _hellaswag(draw: Draw) -> Row:
    woman = draw.rng.random() < 0.5
    first, second = draw.question(n=draw.rng.choice(WOMEN if woman else MEN)), "She" if woman else "He"
    endings, position = draw.choices(4)
    return {
        "ind": draw.index,
        "activity_label": f"Using {draw.subject}",
        "ctx_a": first,
        "ctx_b": second,
        "ctx": f"{first} {second}",
        "endings": endings,
        "source_id": f"pocket~{draw.index}",
        "split": draw.split,
        "split_type": "indomain",
        "label": str(position),
    }


def _winogrande(draw: Draw) -> Row:
    objects = draw.relation.objects
    opposite = objects[objects.index(draw.fact.object) ^ 1]
    other = draw.rng.choice([fact.subject for fact in draw.facts if fact.object == opposite])
    nouns = draw.rng.sample((draw.fact.subject, other), 2)
    name = draw.rng.choice(WOMEN + MEN)
    options = (draw.fact.subject, other) if draw.place < 0.5 else (other, draw.fact.subject)
    return {
        "sentence": draw.question(n=name, a=nouns[0], b=nouns[1], o=draw.fact.object),
        "option1": options[0],
        "option2": options[1],
        "answer": "1" if draw.place < 0.5 else "2",
    }


def _piqa(draw: Draw) -> Row:
    (first, second), position = draw.choices(2)
    verb = draw.rng.choice(("use", "take", "get"))
    return {"goal": draw.question(), "sol1": f"{verb} {first}", "sol2": f"{verb} {second}", "label": position}


def _social_iqa(draw: Draw) -> Row:
    name = draw.rng.choice(WOMEN + MEN)
    choices, position = draw.choices(3)
    answers = {f"answer{letter}": choice for letter, choice in zip("ABC", choices, strict=True)}
    context = f"{name} {draw.fact.subject}."
    return {"context": context, "question": draw.question(n=name), **answers, "label": str(position + 1)}


TASKS: dict[str, PocketTask] = {
    "arc_easy": PocketTask(("color", "kind", "sound", "cover", "legs"), THREE_SPLITS, _arc),
    "arc_challenge": PocketTask(("material", "source", "becomes", "organ", "diet"), THREE_SPLITS, _arc),
    "boolq": PocketTask(
        ("color", "kind", "sound", "cover", "legs", "material", "diet", "home", "job"), TWO_SPLITS, _boolq
    ),
    "openbookqa": PocketTask(("home", "job", "opposite"), THREE_SPLITS, _openbookqa),
    "hellaswag": PocketTask(("next",), TWO_SPLITS, _hellaswag),
    "winogrande": PocketTask(("property",), TWO_SPLITS, _winogrande),
    "piqa": PocketTask(("tool",), TWO_SPLITS, _piqa),
    "social_iqa": PocketTask(("feel", "want"), TWO_SPLITS, _social_iqa),
}
