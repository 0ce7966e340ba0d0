"""Whatever a configuration or a row of a dataset holds, it is taken as it is meant or refused with a ValueError."""

import copy
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from p2w.config.base_model import BaseModel
from p2w.config.decoder import DecoderConfig
from p2w.config.encoder import PromptEncoder
from p2w.config.evaluation import EvaluationConfig
from p2w.config.experiments import Experiments, known, read_sources, read_task_table
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.config.prompts import PromptSelection
from p2w.config.settings import overlay, parse
from p2w.config.sources import Source
from p2w.config.targets import explain_target
from p2w.config.tasks import AnswerFormat, Location, Task
from p2w.data.questions import ChoiceQuestion, FreeQuestion
from p2w.data.samples import render_samples
from p2w.report.paper_numbers import PaperNumbers
from tests.support.bad_world import DECODER, ENCODER, FINETUNE, LETTER, LORA, TASK
from tests.support.experiments import FILES, whole
from tests.support.workspace import PROJECT

TASKS = read_task_table(PROJECT / "config/tasks.yaml")
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

words = st.text(max_size=6) | st.sampled_from(["{a}", "{", "[", "\\1"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


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
        place[key] = draw(values)
    return value


def allowed(call, *arguments) -> object:
    """The result of a call, or None where it says in one line what is wrong."""
    try:
        return call(*arguments)
    except ValueError as error:
        message = str(error)
    assert message
    assert message.splitlines() == [message], "one line"
    return None


@pytest.mark.parametrize("cls", RIGHT, ids=lambda cls: cls.__name__)
def test_settings_are_made_or_refused(cls: type, thorough: bool) -> None:
    @given(changed(RIGHT[cls]))
    @settings(max_examples=1000 if thorough else 60, database=None)
    def check(value: dict) -> None:
        made = allowed(parse, cls, value)
        if made is not None:
            assert set(vars(made)) >= set(value)

    assert parse(cls, RIGHT[cls])
    check()


@given(value=values, cls=st.sampled_from(list(RIGHT)))
@settings(max_examples=150, database=None)
def test_no_settings_are_made_of_anything(value: object, cls: type) -> None:
    allowed(parse, cls, value)


@given(change=changed(whole("pocket")))
@settings(max_examples=80, database=None)
def test_an_experiment_is_valid_or_refused_by_name(change: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = Path(tmp_path_factory.getbasetemp(), "fuzzed.yaml")
    path.write_text(yaml.safe_dump(change))
    experiments = Experiments({"fuzzed": path}, TASKS, ["pocket"])
    try:
        read = experiments.whole("fuzzed")
    except ValueError as error:
        said = str(error)
    else:
        assert set(read.given()) == set(overlay(change, {}))
        return
    assert said.startswith(str(path))
    assert "\n" not in said


@given(change=changed({"formats": {"letter": LETTER}, "tasks": {"toy": {**TASK, "files": {"train": "x.json"}}}}))
@settings(max_examples=80, database=None)
def test_a_task_table_is_valid_or_refused_by_name(change: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = Path(tmp_path_factory.getbasetemp(), "fuzzed_tasks.yaml")
    path.write_text(yaml.safe_dump(change))
    assert allowed(read_task_table, path) in (None, change)


@given(change=changed({"hub": {"kind": "hub"}, "mine": {"kind": "local", "root": "x"}}))
@settings(max_examples=60, database=None)
def test_sources_are_valid_or_refused_by_name(change: dict, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = Path(tmp_path_factory.getbasetemp(), "fuzzed_sources.yaml")
    path.write_text(yaml.safe_dump(change))
    allowed(read_sources, path)


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


@given(name=values)
@settings(max_examples=40, database=None)
def test_only_known_names_are_known(name: object) -> None:
    assert allowed(known, "task", name, ["boolq"]) in (None, "boolq")
