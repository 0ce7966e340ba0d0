"""Free answers: those that PEFT and generate give to each row alone, and an evaluation file that can be recounted."""

import pandas as pd
import pytest
import torch
from peft import PeftModel

from p2w.adapters.peft_folder import read_adapter
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.lora_stack import LoraStack, scaling
from p2w.config.evaluation import EvaluationConfig, FreeAnswers
from p2w.config.lora import LoraSettings
from p2w.config.settings import parse
from p2w.evaluation.continuations import Question, answer, tokenize_samples
from p2w.evaluation.evaluate import evaluate, predict
from p2w.evaluation.evaluation_file import evaluation_file
from p2w.evaluation.metrics import majority
from p2w.runtime.files import read_json
from p2w.runtime.progress import silent
from tests.support.adapters import write_random
from tests.support.answer_tables import free_answers
from tests.support.plain_scoring import Ends, Parrot, ignore
from tests.support.recount import assert_same, recount
from tests.support.toy_evaluation import write_toy
from tests.support.toy_samples import free_samples

COLUMNS = ["source", "id", "response", "text", "ended", "valid", "right"]
MOST = 14
ONE_OF = {"score": {"kind": "one_of", "answers": ["0", "1", "2"]}, "max_new_tokens": 3}


@pytest.fixture(scope="module")
def folders(tiny_base_model, tmp_path_factory):
    """Adapters of different ranks that make the model say different things."""
    folder = tmp_path_factory.mktemp("adapters")
    return [
        write_random(folder / str(seed), tiny_base_model, LoraSettings(rank=1 + seed, alpha=4), seed, scale=0.3)
        for seed in range(3)
    ]


def generated(base, folder, prompts, end):
    """What transformers and PEFT make of each prompt alone."""
    model = PeftModel.from_pretrained(load_model(base), folder)
    how = {"do_sample": False, "max_new_tokens": MOST, "eos_token_id": end, "pad_token_id": 0}
    ids = (torch.tensor([prompt]) for prompt in prompts)
    return [model.generate(input_ids=row, attention_mask=row**0, **how)[0, row.shape[1] :].tolist() for row in ids]


@pytest.mark.parametrize("batch_tokens", [1, 900, 10**6])
def test_answers_are_those_of_peft_and_generate(tiny_base_model, folders, batch_tokens):
    """Several adapters and rows side by side or one at a time; some end early, some late, some do not."""
    model, tokenizer = load_model(tiny_base_model), load_tokenizer(tiny_base_model)
    questions = tokenize_samples(tokenizer, free_samples(), most=MOST)
    prompts = [question.prompt for question in questions]
    said = [generated(tiny_base_model, folder, prompts, end=-1) for folder in folders]
    counts = pd.Series([token for of_one in said for ids in of_one for token in set(ids)]).value_counts()
    end = int(counts.index[counts <= 33][0])  # a token that half of the answers have somewhere
    stack = LoraStack(model, [(tensors, scaling(config)) for tensors, config in map(read_adapter, folders)])
    ends = type("Ends", (Ends,), {"eos_token_id": end})
    found = answer(model, ends, questions, stack, batch_tokens, ignore)
    lengths = set()
    for folder, of_one in zip(folders, found, strict=True):
        for one, expected in zip(of_one, generated(tiny_base_model, folder, prompts, end), strict=True):
            assert one.ids + [end] * one.ended == expected
            assert one.ended == (expected[-1] == end)
            assert (one.responses, one.options) == ([], [])
            lengths.add(len(expected))
    assert len(lengths) > 3
    assert MOST in lengths


def test_an_answer_that_does_not_end_does_not_keep_the_others(tiny_base_model):
    line = list(range(100, 120))
    parrot = Parrot(load_model(tiny_base_model), line[0], line[1:])
    questions = [Question([7, line[-length]], [], [], 30) for length in (1, 3, 4, 20)]
    [found] = answer(parrot, Ends, questions, LoraStack(parrot, [({}, 0.0)]), 10**6, ignore)
    assert [len(one.ids) for one in found] == [0, 2, 3, 19]
    assert parrot.tokens[-1] == 1
    assert sum(parrot.tokens[2:]) <= 3 * 3 + 16


def test_weights_that_are_no_numbers_are_said(tiny_base_model):
    model = load_model(tiny_base_model)
    model.lm_head.weight.data[:] = float("nan")
    with pytest.raises(FloatingPointError, match="adapter 1 of 1: found a log-likelihood that is not finite"):
        answer(model, Ends, [Question([7, 8], [], [], 3)], LoraStack(model, [({}, 0.0)]), 99, ignore)


@pytest.mark.parametrize("batch_tokens", [1, 10**5])
def test_predictions(tiny_base_model, folders, batch_tokens):
    free = parse(FreeAnswers, ONE_OF)
    config = EvaluationConfig(max_rows=22, batch_tokens=batch_tokens)
    arguments = (config, torch.device("cpu"), silent)
    adapters = {f"trained/{number}": folder for number, folder in enumerate(folders)}
    table = predict(tiny_base_model, free_samples(), adapters, *arguments, free=free)
    assert list(table) == COLUMNS
    assert list(table["source"].unique()) == ["base", *adapters]
    assert table["response"].tolist() == [str(i % 3) for i in range(22)] * 4
    assert (table["text"].str.len() <= 3).all()
    alone = predict(tiny_base_model, free_samples(), {"trained/1": folders[1]}, *arguments, free=free)
    assert alone.equals(table[table["source"].isin(["base", "trained/1"])].reset_index(drop=True))


def run(base, tmp_path, samples, free):
    samples_path, folder = write_toy(tmp_path, base, samples)
    output, answers = tmp_path / "e.json", tmp_path / "e.predictions.parquet"
    config = EvaluationConfig(max_rows=15, batch_tokens=600)
    adapters = {"trained/toy": folder, "generated/draw_0": folder}
    inputs = {"samples_path": samples_path, "adapters": adapters, "prompt_samples": {"toy": samples_path}, "free": free}
    outputs = {"output": output, "predictions_path": answers}
    evaluate(experiment="toy", held_out="held", base=base, config=config, seed=0, **inputs, **outputs)
    return read_json(output), pd.read_parquet(answers).to_dict("records")


def test_a_whole_evaluation_can_be_recounted(tiny_base_model, tmp_path):
    result, rows = run(tiny_base_model, tmp_path, free_samples(), ONE_OF)
    assert (result["n"], result["chance"]) == (15, pytest.approx(1 / 3))
    expected = recount(rows, None, resample=False)
    assert_same({key: result[key] for key in expected}, expected)
    assert result["overlap"]["tasks"]["toy"]["exact"] == 15
    config = result["provenance"]["config"]
    assert (config["score"]["kind"], config["max_new_tokens"]) == ("one_of", 3)


def test_a_file_of_questions_without_choices_has_a_score_by_itself(tiny_base_model, tmp_path):
    result, _ = run(tiny_base_model, tmp_path, free_samples(), None)
    config = result["provenance"]["config"]
    assert (config["score"]["kind"], config["max_new_tokens"], result["chance"]) == ("normalized", 64, 0)


def test_choices_have_no_score_of_free_answers(tiny_base_model, tiny_samples, tmp_path):
    with pytest.raises(ValueError, match="found choices and score and max_new_tokens, expected these for free answers"):
        run(tiny_base_model, tmp_path, tiny_samples, ONE_OF)


def test_rows_without_an_answer_are_not_scored(tiny_base_model, tmp_path):
    samples = free_samples()
    samples.loc[4, "response"] = None
    with pytest.raises(ValueError, match="row 'toy-4' has no answer"):
        run(tiny_base_model, tmp_path, samples, ONE_OF)


SOURCES = ["base", "trained/a", "trained/b", "constant"]
SOURCES += [f"generated/{seed}draw_{k}" for seed in ("", "seed_1/") for k in range(3)]


def build(predictions):
    return evaluation_file(predictions, "toy", "held", "test", 0.0, {}, seed=0)


def test_an_independent_recount_equals_every_number():
    predictions = free_answers(SOURCES)
    found = build(predictions)
    expected = recount(predictions.to_dict("records"), None)
    assert_same({key: found[key] for key in expected}, expected)
    assert set(found["sources"]["base"]) == {"accuracy", "valid", "accuracy_when_valid", "ci95", "adapters"}
    assert found["majority"]["answer"] == "two"
    assert list(found["comparisons"]) == ["base", "trained/a", "trained/b", "constant"]


def test_majority_is_the_first_of_equals():
    table = pd.DataFrame({"response": ["b", "a", "a", "b", "c"], "right": True})
    assert majority(table) == {"answer": "b", "accuracy": 0.4}


WRONG = {
    "a missing column": (lambda t: t.drop(columns="ended"), r"missing \['ended'\]"),
    "right and not valid": (
        lambda t: t.assign(right=True, valid=False),
        "base, row .*: found a right answer that is not",
    ),
    "another reference": (
        lambda t: t.assign(response=[*t["response"][:-1], "x"]),
        "found other right answers than base",
    ),
    "a row less": (lambda t: t[:-1], "found 39 rows that are not the 40 of base"),
}


@pytest.mark.parametrize("case", WRONG)
def test_predictions_that_are_not_those_of_one_evaluation(case):
    change, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        build(change(free_answers(SOURCES)))
