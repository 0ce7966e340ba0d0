"""The generators that come with the package: small, of no machine, and good for what they know."""

import re
import warnings

import pytest

from p2w import Generator
from p2w.using.asking import ask
from p2w.using.bases import base_of
from p2w.using.generator_folder import FILES, SHIPPED

MEGABYTES = {"pocket": 2, "smollm2": 25}
CAPITALS = ["What is the capital of Portugal?", "What is the capital of Kenya?", "What is the capital of Peru?"]


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_whole_and_small(name):
    sizes = {path.name: path.stat().st_size for path in SHIPPED[name].iterdir()}
    assert sizes.keys() == set(FILES)
    assert sum(sizes.values()) < MEGABYTES[name] * 1e6, sizes


@pytest.mark.parametrize("name", SHIPPED)
def test_it_names_no_place_of_a_machine(name):
    for path in SHIPPED[name].iterdir():
        assert not re.search(rb'"(/|[A-Z]:)[^"]*\.(parquet|safetensors|json)', path.read_bytes()), path.name


@pytest.mark.long
def test_the_one_for_smollm2_makes_an_adapter_that_answers_as_the_task_of_the_prompts_wants(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with warnings.catch_warnings(action="ignore"):
        adapter = Generator.from_pretrained("smollm2").generate(CAPITALS)
    assert next(iter(adapter.record["nearest"])) == "fv_country_capital"
    plain, adapted = ask(adapter, base_of(adapter), "What is the capital of France?", adapter.record["system"], 12)
    assert adapted == "Paris"
    assert plain != "Paris"
