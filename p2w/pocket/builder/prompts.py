"""What the pocket base model practises on: the tasks' own prompts and others like them, answered in mixed manners.

The answers are given in several manners whatever the instruction asks for. So the model knows the facts and how to
choose, but not which manner a task requires: the state in which instruction-tuned models meet these tasks.
"""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from zlib import crc32

from p2w.config.answer_formats import AnswerFormat
from p2w.config.suites import load_tasks
from p2w.config.tasks import TaskTable
from p2w.data.samples import render_samples
from p2w.pocket.tables import TASKS, pocket_table

ROWS = 2500  # per task and split, each rendered once
LETTERS, DIGITS = ("A", "B", "C", "D", "E"), ("1", "2", "3", "4", "5")
# How a question with listed choices is asked, with the weight of each way; None is the task's own format.
LISTED = "{question}\n{choices}\n"
OWN_WEIGHT = 10


def _manner(labels: tuple[str, ...], choice: str, response: str, prompt: str) -> AnswerFormat:
    return AnswerFormat(labels=labels, choice=choice, response=response, prompt=prompt)


ASKED: tuple[tuple[int, AnswerFormat], ...] = (
    (3, _manner(DIGITS, "{label}: {choice}", "[{label}]", LISTED + "Answer with {answers}.")),
    (1, _manner(DIGITS, "{label}: {choice}", "{label}", LISTED + "Answer with {answers}.")),
    (1, _manner(LETTERS, "{label}: {choice}", "{label}", LISTED + "Answer with {answers}.")),
    (1, _manner(LETTERS, "{label}: {choice}", "{choice}", LISTED + "Answer with {answers}.")),
    (1, _manner(LETTERS, "{label}: {choice}", "{choice}", LISTED + "Answer with the words of the right choice.")),
    (1, _manner(LETTERS, "{label}: {choice}", "it is {choice}", LISTED + "Answer with {answers}.")),
    (1, _manner(LETTERS, "{label}: {choice}", "it is {choice}", LISTED + 'Answer with "it is" and the choice.')),
    (1, _manner(LETTERS, "{choice}", "{choice}", LISTED + "Answer with the right choice.")),
)
PLAIN = "{question}\n"
ASKED_YES_NO: tuple[tuple[int, AnswerFormat], ...] = (
    (1, _manner(("True", "False"), "{choice}", "{label}", PLAIN + "Answer with {answers}.")),
    (1, _manner(("true", "false"), "{choice}", "it is {label}", PLAIN + "Answer with {answers}.")),
    (1, _manner(("yes", "no"), "{choice}", "{label}", PLAIN + "Answer with {answers}.")),
    (1, _manner(("yes", "no"), "{choice}", "[{label}]", PLAIN + "Answer with {answers}.")),
    (1, _manner(LETTERS, "{label}: {choice}", "[{label}]", LISTED + "Answer with {answers}.")),
    (1, _manner(DIGITS, "{label}: {choice}", "[{label}]", LISTED + "Answer with {answers}.")),
)
# How a question is answered. The first manner of each is the one the tasks require.
MANNERS = ("[{label}]", "{label}", "{choice}", "it is {choice}")
MANNERS_YES_NO = ("[{label}]", "{label}", "{yes}", "it is {truth}", "[{yes}]")
# Questions that share first word and answer share a preferred manner, as if learned from one source. It keeps the
# share of unprompted answers in the required manner near this value, instead of leaving it to the noise of equal odds.
REQUIRED_SHARE = 0.2
PREFERENCE = 0.5  # share of answers in the preferred manner; the others are drawn evenly


@dataclass(frozen=True)
class Exercise:
    """A prompt with the answers it may get in training, one per manner; `preferred` is the position of one of them."""

    system: str
    prompt: str
    answers: tuple[str, ...]
    preferred: int


def exercises(task_table: str | Path, rows: int, seed: int) -> list[Exercise]:
    """Prompts of every pocket task and split (the base model knows all facts), asked in many ways."""
    table = load_tasks(task_table)
    rng = Random(seed)
    parts = [_task(table, name, split, rows, rng) for name in TASKS for split in TASKS[name].splits]
    return list(chain.from_iterable(parts))


def _task(table: TaskTable, name: str, split: str, rows: int, rng: Random) -> list[Exercise]:
    task, own = table.entry(name)
    yes_no = task.answer.encoding == "boolean"
    ways = [(OWN_WEIGHT, own), *(ASKED_YES_NO if yes_no else ASKED)]
    raw = pocket_table(name, split, rows, seed=rng.randrange(2**32))
    chosen = rng.choices([way for _, way in ways], [weight for weight, _ in ways], k=rows)
    found = []
    for way in dict.fromkeys(chosen):
        part = raw[[other is way for other in chosen]]
        samples = render_samples(name, task, way, part.reset_index(drop=True), split)
        found += [_exercise(name, row, way, yes_no) for row in samples.to_dict("records")]
    return found


def _exercise(name: str, row: dict, way: AnswerFormat, yes_no: bool) -> Exercise:
    label, right = way.labels[row["answer"]], row["choices"][row["answer"]]
    if not yes_no:
        manners = MANNERS if "{label}" in way.choice else MANNERS[2:]
        answers = tuple(manner.format(label=label, choice=right) for manner in manners)
    else:
        yes, truth = (("yes", "true"), ("no", "false"))[row["answer"]]
        label = label if way.labels in (LETTERS, DIGITS) else truth.capitalize()
        answers = tuple(manner.format(label=label, yes=yes, truth=truth) for manner in MANNERS_YES_NO)
        right = row["question"].rstrip("?")
    preferred = _preferred(f"{name} {row['question'].split()[0]} {right.split()[-1]}", len(answers))
    return Exercise(row["system"], row["prompt"], answers, preferred)


def _preferred(source: str, count: int) -> int:
    """The manner of a source: the required one for a fixed share of sources, where it is among the manners."""
    draw = crc32(source.encode()) / 2**32
    if count == len(MANNERS[2:]):
        return int(draw * count)
    return 0 if draw < REQUIRED_SHARE else 1 + int((draw - REQUIRED_SHARE) / (1 - REQUIRED_SHARE) * (count - 1))
