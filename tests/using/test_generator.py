"""A generator for everybody: one folder, any number of prompts, an adapter that says what it is made of."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import p2w
from p2w.adapters.checkpoints import read_checkpoints
from p2w.adapters.peft_folder import read_adapter
from p2w.config.settings import parse
from p2w.generators.fitting import fit_without
from p2w.generators.generator_file import load_generator
from p2w.generators.held_out import train_without
from p2w.prompts.states import PromptStates, read_embeddings
from p2w.runtime.files import read_json, sha256
from p2w.runtime.records import find_record
from p2w.runtime.tensor_files import read_tensors, write_tensors
from p2w.using.conditions import condition_of
from p2w.using.generator import Generator
from p2w.using.generator_folder import FILES, find_generator
from tests.support.generator_folders import RIDGE, TASKS, encode, opened, quiet, write_generator
from tests.support.held_out_world import CONFIG as DECODER
from tests.support.held_out_world import write_centroids

PROMPTS = ["which of these can swim", "is a stone heavy", "does it rain here now"]


@pytest.fixture(scope="module")
def folder(generator_folder):
    return generator_folder


@pytest.fixture(scope="module")
def decoder_folder(held_out_world, tiny_base_model, tmp_path_factory):
    def fit(checkpoints, embeddings, output):
        train_without((), DECODER, 0, checkpoints, embeddings, output)

    place = tmp_path_factory.mktemp("made") / "generator"
    return write_generator(held_out_world, place, tiny_base_model, fit=fit)


def test_a_folder_says_what_the_generator_is(folder, tiny_base_model):
    assert {path.name for path in folder.iterdir()} == set(FILES)
    generator = opened(folder)
    assert generator.model.metadata["held_out"] == []
    assert generator.tasks.names == tuple(sorted(TASKS))
    assert generator.settings.base_model == tiny_base_model
    assert generator.settings.systems["piqa"] == "You know piqa."
    assert generator.settings.examples
    assert not any("\n" in prompt for prompt in generator.settings.examples)
    card = (folder / "README.md").read_text()
    assert "boolq, held, piqa" in card
    assert sha256(folder / "generator.safetensors") in card
    assert find_record(folder / "README.md")[1]["made_by"] == "workflow/scripts/generator_folder.py"


def test_the_weights_are_those_of_the_generator_given_the_same_states(folder):
    adapter = quiet(opened(folder), PROMPTS)
    model = load_generator(folder / "generator.safetensors")
    states = opened(folder).encoded(PROMPTS).gather(torch.arange(3))
    torch.testing.assert_close(model.layout.flatten(adapter.tensors), model.weights(states))


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("kind", ["folder", "decoder_folder"])
def test_any_number_of_prompts_makes_an_adapter_and_few_a_warning(kind, count, request):
    generator = opened(request.getfixturevalue(kind))
    many = [f"{prompt} {number}" for prompt in PROMPTS for number in range(3)]
    wanted = generator.model.num_prompts
    adapter = quiet(generator, PROMPTS[:count])
    assert adapter.record["prompts"]["count"] == count
    said = f"found {count} prompts, the generator was fitted for {wanted}: with more of them the adapter may be better"
    assert (said in adapter.warnings) == (count < wanted)
    assert not any("fitted for" in warning for warning in quiet(generator, many).warnings)


def test_few_prompts_are_repeated_as_often_as_each_other_for_a_decoder_and_taken_as_they_are_for_a_mean():
    class Wants:
        num_prompts, device = 7, torch.device("cpu")

    prompts = opened_states(PROMPTS)
    condition = condition_of(Wants(), prompts, seed=0)
    rows = [row.tobytes() for row in condition.numpy()]
    assert sorted(map(rows.count, set(rows))) == [2, 2, 3]
    assert condition.equal(condition_of(Wants(), prompts, seed=0))
    assert not condition.equal(condition_of(Wants(), prompts, seed=1))


def opened_states(texts):
    return PromptStates.from_states(encode(texts), 6)


def test_of_very_many_prompts_a_seeded_choice_is_read(folder, monkeypatch):
    monkeypatch.setattr("p2w.using.conditions.MOST", 7)
    seen = []
    generator = replace(opened(folder), encode=lambda texts: seen.extend(texts) or encode(texts))
    texts = [f"number {number}" for number in range(11)]
    records = [quiet(generator, texts, seed=seed).record for seed in (0, 0, 1)]
    first, again, other = (seen[start : start + 7] for start in (0, 7, 14))
    assert first == again != other
    assert first == sorted(set(first), key=texts.index)
    assert {record["prompts"]["count"] for record in records} == {11}


def test_equal_prompts_and_seed_give_equal_files(folder, tmp_path):
    for name in ("a", "b"):
        quiet(opened(folder), PROMPTS, seed=3).save_pretrained(tmp_path / name)
    hashes = [{path.name: sha256(path) for path in sorted((tmp_path / name).iterdir())} for name in ("a", "b")]
    assert hashes[0] == hashes[1]
    assert set(hashes[0]) == {"adapter_config.json", "adapter_model.safetensors", "run.json", "README.md"}


def test_an_adapter_knows_what_it_was_made_of(folder):
    generator = opened(folder)
    near, made_of = (quiet(generator, PROMPTS).record[key] for key in ("nearest", "made_of"))
    assert set(near) == set(made_of) == set(TASKS)
    assert sum(made_of.values()) == pytest.approx(1, abs=1e-3)
    model, flat = generator.model, generator.model.layout.flatten(quiet(generator, PROMPTS).tensors)
    rows = model.residuals + model.weights_mean
    mixed = sum(made_of[task] * rows[number] for number, task in enumerate(sorted(TASKS)))
    torch.testing.assert_close(flat, mixed, atol=1e-2, rtol=1e-2)


def test_prompts_further_from_every_task_than_these_are_from_each_other_come_with_a_warning(folder):
    generator = opened(folder)
    own = generator.encoded(PROMPTS).mean()
    for means, far in (([own, own, own], False), ([-own, -own, -own], True)):
        tasks = replace(generator.tasks, means=torch.stack(means))
        said = quiet(replace(generator, tasks=tasks), PROMPTS).warnings
        assert any("far from every training task: -1.00 to boolq" in warning for warning in said) == far
    with pytest.warns(UserWarning, match="found 3 prompts"):
        generator.generate(PROMPTS)


def test_no_prompt_gives_what_the_workflow_calls_constant(folder, decoder_folder, held_out_world):
    prompts = [read_embeddings(held_out_world / f"{task}.embeddings.parquet") for task in sorted(TASKS)]
    for place in (folder, decoder_folder):
        generator = opened(place)
        expected = generator.model.weights_of_no_prompt(prompts)
        torch.testing.assert_close(generator.model.layout.flatten(generator.of_no_prompt().tensors), expected)


@pytest.fixture(scope="module")
def retrieval_folder(held_out_world, tiny_base_model, tmp_path_factory):
    config = RIDGE.model_copy(update={"kind": "retrieval", "temperature": 0.3})
    place = tmp_path_factory.mktemp("made") / "generator"
    return write_generator(held_out_world, place, tiny_base_model, config=config)


@pytest.mark.parametrize("kind", ["folder", "retrieval_folder"])
def test_the_own_adapter_of_a_training_task_is_the_mean_of_its_checkpoints(kind, request, held_out_world):
    generator = opened(request.getfixturevalue(kind))
    for task in TASKS:
        own = read_checkpoints(held_out_world / f"{task}.parquet").weights
        found = generator.model.layout.flatten(generator.of_task(task).tensors)
        torch.testing.assert_close(found, own.mean(0), atol=1e-6, rtol=1e-5)


def test_there_is_no_adapter_of_an_unknown_task_nor_in_a_decoder(folder, decoder_folder):
    assert opened(decoder_folder).of_task("boolq") is None
    with pytest.raises(ValueError, match="task: found 'arc', expected one of boolq, held, piqa"):
        opened(folder).of_task("arc")


def test_a_copy_is_the_same_generator(folder, tmp_path):
    opened(folder).save_pretrained(tmp_path / "copy")
    first, second = (quiet(opened(place), PROMPTS) for place in (folder, tmp_path / "copy"))
    for name, tensor in first.tensors.items():
        assert tensor.equal(second.tensors[name])


def test_half_precision_is_computed_with_as_single(folder, tmp_path):
    opened(folder).save_pretrained(tmp_path / "half")
    path = tmp_path / "half/generator.safetensors"
    tensors, header = read_tensors(path)
    path.unlink()
    write_tensors(path, {name: tensor.half() for name, tensor in tensors.items()}, header)
    first, second = (quiet(opened(place), PROMPTS) for place in (folder, tmp_path / "half"))
    for name, tensor in first.tensors.items():
        torch.testing.assert_close(tensor, second.tensors[name], atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere at all", "nowhere at all: no such folder, and no name for the Hub; expected a folder, or owner/name"),
        (".", r"\.: found no generator.safetensors; expected the folder of a generator"),
    ],
)
def test_no_such_generator(place, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"^{message}"):
        find_generator(place)


def test_an_adapter_is_no_generator(folder, tmp_path):
    quiet(opened(folder), PROMPTS).save_pretrained(tmp_path / "adapter")
    with pytest.raises(ValueError, match=r"found no generator\.safetensors, but an adapter"):
        find_generator(tmp_path / "adapter")


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], "prompts: found no prompts, expected one or more"),
        (["a", " "], r"prompts\[1\]: found ' ', expected a text with something in it"),
        ("a", "prompts: found one text, expected a list of texts"),
        (["a \ud800"], r"prompts\[0\]: found half a character"),
    ],
)
def test_prompts_that_are_none(folder, prompts, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        opened(folder).generate(prompts)


def test_prompts_of_other_tasks_do_not_describe_a_generator(held_out_world, tiny_base_model, tmp_path):
    with pytest.raises(ValueError, match=r"found prompts of \['boolq', 'piqa'\], expected those of the training tasks"):
        write_generator(
            held_out_world, tmp_path / "generator", tiny_base_model, ("boolq", "piqa"),
            lambda _checkpoints, _embeddings, output: fit_without(
                (), RIDGE, 5, write_centroids(held_out_world, tmp_path, TASKS), output),
        )  # fmt: skip


def test_importing_the_package_loads_nothing():
    code = "import sys, time; t = time.perf_counter(); import p2w; s = time.perf_counter() - t;" \
           "print(s < 0.2, [name for name in ('torch', 'numpy', 'p2w.using') if name in sys.modules])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"
    assert p2w.Generator is Generator
    with pytest.raises(AttributeError, match="has no attribute 'Generater'"):
        _ = p2w.Generater


def test_the_adapter_is_one_that_the_project_reads(folder, tmp_path):
    quiet(opened(folder), PROMPTS).save_pretrained(tmp_path / "adapter")
    tensors, config = read_adapter(tmp_path / "adapter")
    assert config["r"] == 2
    record = read_json(tmp_path / "adapter/run.json")
    assert record["generator"]["sha256"] == sha256(folder / "generator.safetensors")
    assert record["system"] == f"You know {next(iter(record['nearest']))}."
    assert not {"a", json.dumps(PROMPTS[0])} & set(json.dumps(record).split('"')), "prompts are not repeated"
    assert parse(type(opened(folder).settings), read_json(folder / "config.json")).experiment == "toy"
    assert len(tensors) == len(opened(folder).model.layout.names)
