"""Whatever a configuration or a row of a dataset holds, it is taken as it is meant or refused with a ValueError."""

import copy
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from p2w.config.answer_formats import AnswerFormat
from p2w.config.base_model import BaseModel
from p2w.config.decoder import DecoderConfig
from p2w.config.encoder import PromptEncoder
from p2w.config.evaluation import EvaluationConfig
from p2w.config.experiments import Experiments, known, read_sources, read_task_table
from p2w.config.finetuning import FinetuneConfig
from p2w.config.locations import Location
from p2w.config.lora import LoraSettings
from p2w.config.prompts import PromptSelection
from p2w.config.settings import overlay, parse
from p2w.config.sources import Source
from p2w.config.targets import explain_target
from p2w.config.tasks import Task
from p2w.data.questions import ChoiceQuestion, FreeQuestion
from p2w.data.samples import render_samples
from p2w.report.paper_numbers import PaperNumbers
from tests.support.anything import anything
from tests.support.experiments import FILES, whole
from tests.support.right_commands import DECODER, ENCODER, FINETUNE, LETTER, LORA, TASK
from tests.support.workspace import PROJECT

TASKS = read_task_table(PROJECT / "config/tasks")
EXPERIMENTS = Experiments({"pocket": FILES["pocket"]}, TASKS, ["pocket"])
# Everything that a command or the workflow makes from JSON or YAML, and one that is right.
RIGHT = {
    LoraSettings: LORA,
    BaseModel: {"hub": "a/b", "revision": "0" * 40},
    FinetuneConfig: FINETUNE,
    DecoderConfig: DECODER,
    PromptEncoder: ENCODER,
    PromptSelection: {"max_per_task": 3},
    EvaluationConfig: {"max_rows": 3, "batch_tokens": 9},
    Source: {"kind": "pocket", "seed": 0, "rows": {"train": 3}},
    Location: {"splits": {"train": "a"}, "files": {"a": "x.json"}, "sha256": {"a": "0" * 64}},
    Task: TASK,
    AnswerFormat: LETTER,
    ChoiceQuestion: {"question": "q", "choices": ["a", "b"], "answer": 1},
    FreeQuestion: {"context": "c", "response": "r", "id": 7},
    PaperNumbers: {"source": "x", "base_model": "y", "accuracy": {"base": {"boolq": 1.0}}},
}


@st.composite
def changed(draw, right: dict) -> dict:
    """A right value with one part, at any depth, replaced, taken away or added."""
    value = copy.deepcopy(right)
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from([*keys, draw(st.text(max_size=5))] if isinstance(place, dict) else keys))
        inner = place[key] if key in keys else None
        if not (isinstance(inner, dict | list) and inner) or draw(st.booleans()):
            break
        place = inner
    if isinstance(place, dict) and draw(st.integers(0, 4)) == 0:
        place.pop(key, None)
    else:
        place[key] = draw(anything)
    return value


def allowed(call, *arguments, start: str = "") -> object:
    """The result of a call, or None where it says in one line, which starts so, what is wrong."""
    try:
        return call(*arguments)
    except ValueError as error:
        message = str(error)
    assert message
    assert message.startswith(start)
    assert message.splitlines() == [message], "one line"
    return None


@pytest.mark.parametrize("cls", RIGHT, ids=lambda cls: cls.__name__)
def test_settings_are_made_or_refused(cls: type, thorough: bool) -> None:
    @given(changed(RIGHT[cls]))
    @settings(max_examples=1000 if thorough else 60, database=None)
    def check(value: dict) -> None:
        made = allowed(parse, cls, value)
        assert made is None or set(vars(made)) >= set(value)

    assert parse(cls, RIGHT[cls])
    check()


@given(value=anything, cls=st.sampled_from(list(RIGHT)))
@settings(max_examples=150, database=None)
def test_no_settings_are_made_of_anything(value: object, cls: type) -> None:
    allowed(parse, cls, value)


def read_experiment(path: Path) -> dict:
    return Experiments({"fuzzed": path}, TASKS, ["pocket"]).whole("fuzzed").given()


TABLE = {"formats": {"letter": LETTER}, "tasks": {"toy": {**TASK, "files": {"train": "x.json"}}}}
FILES = {
    "experiment": (whole("pocket"), read_experiment),
    "tasks": (TABLE, read_task_table),
    "sources": ({"hub": {"kind": "hub"}, "mine": {"kind": "local", "root": "x"}}, read_sources),
}


@pytest.mark.parametrize(("right", "read"), FILES.values(), ids=FILES)
def test_a_file_is_valid_or_refused_by_name(right: dict, read: Callable[[Path], dict], tmp_path: Path) -> None:
    path = tmp_path / "fuzzed.yaml"

    @given(changed(right))
    @settings(max_examples=80, database=None)
    def check(value: dict) -> None:
        path.write_text(yaml.safe_dump(value))
        made = allowed(read, path, start=str(path))
        assert made is None or overlay(made, value) == made, "nothing that it says is lost"

    check()


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.lists(st.text(max_size=2))


@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(("id", "question", "left", "right", "label"), cells))))
@settings(max_examples=150, database=None)
def test_rows_become_samples_or_are_refused_by_number(rows: list[dict]) -> None:
    task, letter = parse(Task, TASK), parse(AnswerFormat, LETTER)
    samples = allowed(render_samples, "toy", task, letter, pd.DataFrame(rows), "train")
    if samples is not None:
        assert samples["answer"].isin([0, 1]).all()
        assert samples["id"].is_unique


@given(target=st.text(max_size=30) | st.from_regex(r"pocket/[a-z]+/[a-z.]+/?[a-z]*", fullmatch=True))
@settings(max_examples=80, database=None)
def test_a_target_that_is_none_is_explained(target: str) -> None:
    with pytest.raises(ValueError, match="results/"):
        explain_target(target, EXPERIMENTS)


@given(name=anything)
@settings(max_examples=40, database=None)
def test_only_known_names_are_known(name: object) -> None:
    assert allowed(known, "task", name, ["boolq"]) in (None, "boolq")
