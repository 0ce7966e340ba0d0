"""A generated adapter in use: on a model, merged into it, scored; and on a model that is another."""

import dataclasses
import shutil

import pandas as pd
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from p2w.base.base_model import load_model
from p2w.base.chat import prompt_ids
from p2w.data.samples import write_samples
from p2w.runtime.files import read_json
from p2w.using.adapter import Adapter
from p2w.using.asking import ask, system_of
from p2w.using.bases import base_of
from p2w.using.merging import merge
from p2w.using.scoring import controls_of, read_labelled, score_sources, scores_table
from tests.support.generator_folders import opened
from tests.support.gguf_files import spec
from tests.support.toy_samples import toy_samples

IDS = torch.arange(3, 20)[None]


@pytest.fixture
def adapter(generated):
    return Adapter.from_pretrained(generated)


def logits(model):
    with torch.no_grad():
        return model(IDS).logits


def test_applied_it_is_what_peft_makes_of_the_folder(adapter, generated, tiny_base_model):
    base = load_model(tiny_base_model)
    plain = logits(base)
    theirs = logits(PeftModel.from_pretrained(load_model(tiny_base_model), generated))
    assert torch.equal(logits(adapter.apply(base)), theirs)
    assert not torch.allclose(plain, theirs)


def test_it_is_saved_as_it_was_read(adapter, generated, tmp_path):
    adapter.save_pretrained(tmp_path / "again")
    for path in sorted(generated.iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_on_another_model_it_says_so(adapter, tiny_base_model):
    other = AutoModelForCausalLM.from_config(
        AutoModelForCausalLM.from_pretrained(tiny_base_model.folder).config.__class__(
            vocab_size=19, hidden_size=24, intermediate_size=23, num_hidden_layers=1, num_attention_heads=2
        )
    )
    with pytest.raises(ValueError, match=r"^adapter of .*: the model is another one"):
        adapter.apply(other)


def test_both_answers_are_greedy_ones_and_the_system_prompt_is_that_of_the_nearest_task(adapter, tiny_base_model):
    assert system_of(adapter) == f"You know {next(iter(adapter.record['nearest']))}."
    answers = ask(adapter, base_of(adapter), "why?", "Be brief.", 5)
    tokenizer = AutoTokenizer.from_pretrained(tiny_base_model.folder)
    models = load_model(tiny_base_model), adapter.apply(load_model(tiny_base_model))
    for model, answer in zip(models, answers, strict=True):
        ids = prompt_ids(tokenizer, "Be brief.", "why?")
        for _ in range(5):
            with torch.no_grad():
                ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        found = ids[-5:]
        found = found[: found.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in found else found
        assert answer == tokenizer.decode(found, skip_special_tokens=True)


def test_merged_it_is_one_model_with_the_same_logits(adapter, tiny_base_model, tmp_path):
    merge(adapter, tiny_base_model, tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    expected = logits(adapter.apply(load_model(tiny_base_model)))
    torch.testing.assert_close(logits(merged), expected, atol=1e-3, rtol=1e-3)
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template
    assert read_json(tmp_path / "merged/run.json")["adapter"]["prompts"]["count"] == 2
    with pytest.raises(ValueError, match="merged: found it there already, expected the name of a new folder"):
        merge(adapter, tiny_base_model, tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged", "mine"]


def test_scores_stand_beside_those_of_the_base_model_and_of_what_is_to_be_beaten(
    adapter, generator_folder, tiny_base_model, tmp_path
):
    path = tmp_path / "test.parquet"
    write_samples(path, toy_samples(), {})
    controls = controls_of(adapter)
    generator = opened(generator_folder)
    nearest = generator.of_task(next(iter(adapter.record["nearest"])))
    expected = {"no prompt": generator.of_no_prompt(), "nearest task": nearest}
    assert list(controls) == list(expected)
    for control, other in expected.items():
        for name, tensor in controls[control].tensors.items():
            assert tensor.equal(other.tensors[name])
            assert not tensor.equal(adapter.tensors[name])
    samples = read_labelled(path, "")
    predictions = score_sources(tiny_base_model, samples, {"adapter": adapter, **controls}, 13, 0, "exact", 5)
    assert predictions.groupby("source", sort=False).size().to_dict() == dict.fromkeys(
        ["base", "adapter", "no prompt", "nearest task"], 13
    )
    head, *lines, tail = scores_table(predictions).splitlines()
    assert "95 % interval" in head
    assert [line.split()[0] for line in lines] == ["base", "adapter", "no", "nearest"]
    assert tail.startswith("13 rows")


def test_labelled_rows_of_ones_own_have_a_prompt_and_a_response(adapter, tiny_base_model, tmp_path):
    pd.DataFrame({"prompt": ["a", "b"], "answer": ["x", "y"]}).to_csv(tmp_path / "own.csv", index=False)
    samples = read_labelled(tmp_path / "own.csv", "Be brief.")
    assert samples[["prompt", "response", "system"]].values.tolist() == [
        ["a", "x", "Be brief."],
        ["b", "y", "Be brief."],
    ]
    assert (
        scores_table(score_sources(tiny_base_model, samples, {"adapter": adapter}, 5, 0, "exact", 3)).count("\n") == 3
    )
    pd.DataFrame({"prompt": ["a"], "label": ["x"]}).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=r"own.csv\[0\]: found columns prompt, label, expected a text in response"):
        read_labelled(tmp_path / "own.csv", "")


def test_labelled_rows_may_offer_the_answers(adapter, tiny_base_model, tmp_path):
    rows = {"prompt": ["a", "b"], "a": ["yes", "x"], "b": ["no", "y"], "answer": ["B", "x"]}
    pd.DataFrame(rows).to_csv(tmp_path / "own.csv", index=False)
    samples = read_labelled(tmp_path / "own.csv", "Be brief.")
    assert samples["responses"].tolist() == [["yes", "no"], ["x", "y"]]
    assert samples["response"].tolist() == ["no", "x"]
    assert samples["system"].tolist() == ["Be brief."] * 2
    predictions = score_sources(tiny_base_model, samples, {"adapter": adapter}, 5, 0, "exact", 3)
    assert predictions["choice"].isin([0, 1]).all()
    pd.DataFrame({**rows, "answer": ["B", None]}).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(ValueError, match=r"own.csv\[1\]: answer: found none, expected which of \['x', 'y'\] is right"):
        read_labelled(tmp_path / "own.csv", "")


def test_a_damaged_table_of_samples_is_not_taken_for_somebodys_own(tmp_path):
    write_samples(tmp_path / "test.parquet", toy_samples(), {})
    data = bytearray((tmp_path / "test.parquet").read_bytes())
    data[40] ^= 1
    (tmp_path / "test.parquet").write_bytes(data)
    with pytest.raises(ValueError, match=r"test.parquet: damaged"):
        read_labelled(tmp_path / "test.parquet", "")
    toy_samples().to_parquet(tmp_path / "own.parquet")
    assert len(read_labelled(tmp_path / "own.parquet", "")) == 22


def test_a_control_of_another_generator_is_refused_and_a_lost_one_is_said(adapter, generator_folder, capsys):
    other = dataclasses.replace(
        adapter, record={**adapter.record, "generator": {**adapter.record["generator"], "sha256": "0"}}
    )
    with pytest.raises(ValueError, match=r"sha256: found .*, expected 0 as the adapter says"):
        controls_of(other)
    lost = dataclasses.replace(
        adapter, record={**adapter.record, "generator": {**adapter.record["generator"], "place": "/nowhere/at all"}}
    )
    assert controls_of(lost) == {}
    assert "no control: /nowhere/at all: no such folder" in capsys.readouterr().err
    assert list(controls_of(lost, str(generator_folder))) == ["no prompt", "nearest task"]
    trained = dataclasses.replace(adapter, record={})
    assert list(controls_of(trained, str(generator_folder))) == ["no prompt"]
    assert "no control 'nearest task': the adapter does not say which one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        ({}, "/nowhere", "--base: found no folder '/nowhere', expected that of a model; say where with --base FOLDER"),
        ({"base_model": {"path": "gone"}}, None, "the adapter's base model: found no folder 'gone'"),
    ],
)
def test_a_base_model_that_is_not_there(adapter, change, given, message):
    lost = dataclasses.replace(adapter, record={**adapter.record, **change})
    with pytest.raises(ValueError, match=f"^{message}"):
        base_of(lost, given)


def test_the_base_model_is_the_one_that_config_or_record_name(adapter, tiny_base_model):
    assert base_of(adapter) == tiny_base_model
    bare = dataclasses.replace(adapter, record={})
    assert base_of(bare).path == tiny_base_model.path
    hub = dataclasses.replace(bare, config={**adapter.config, "base_model_name_or_path": "a/b", "revision": "0" * 40})
    assert base_of(hub).hub == "a/b"


def test_a_base_model_of_a_package_is_unpacked_once_where_the_workflow_has_not(adapter, package, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    base = spec(package / "tiny.gguf")
    packed = dataclasses.replace(adapter, record={**adapter.record, "base_model": base.given()})
    cached = base_of(packed)
    assert cached.path == str(tmp_path / "cache/p2w/models" / base.packaged)
    (package / "tiny.gguf").unlink()
    assert base_of(packed) == cached
    shutil.copytree(cached.path, tmp_path / base.unpacked)
    assert base_of(packed).path == base.unpacked
    shutil.rmtree(tmp_path / base.unpacked)
    shutil.rmtree(cached.path)
    with pytest.raises(ValueError, match=r"found no 'tiny.gguf' in package 'a_model', which has no GGUF file"):
        base_of(packed)


def test_what_made_it_may_be_asked_again(generator_folder, generated):
    record = Adapter.from_pretrained(generated).record
    assert record["made_by"] == "p2w/using/generator.py"
    assert record["generator"]["place"] == str(generator_folder)
    assert opened(generator_folder).code["code_sha256"] == record["code_sha256"]
