"""Log-likelihoods, acc and acc_norm are those of lm-evaluation-harness itself, row by row in float32."""

from pathlib import Path

import pytest
from datasets import Dataset
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate
from lm_eval.models.huggingface import HFLM

import p2w.pocket
from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.lora_stack import LoraStack
from p2w.base.package_model import write_package_model
from p2w.config.base_model import BaseModel
from p2w.config.suites import load_tasks
from p2w.config.yaml_files import read_yaml
from p2w.data.samples import render_samples
from p2w.evaluation.continuations import answer, tokenize_samples
from p2w.evaluation.metrics import harness_accuracies
from p2w.evaluation.predictions import prediction_table
from p2w.pocket.tables import pocket_table
from tests.support.plain_scoring import ignore, plain_likelihood

POCKET = BaseModel(path=str(Path(p2w.pocket.__file__).parent / "base_model"))
METRICS = ("acc", "acc_norm")
ROWS = 40
ROUNDING = 5e-4  # of a sum over a response: thirty layers in float32 differ by 1.1e-4 between shapes of a batch


@pytest.fixture(scope="module", params=["pocket", "tiny", pytest.param("smollm2", marks=pytest.mark.long)])
def base(request, tiny_base_model, tmp_path_factory):
    """Pocket has learnt to end after an answer, so that the end counts for nothing; the tiny one has learnt nothing."""
    if request.param == "smollm2":
        return packaged(tmp_path_factory.mktemp("smollm2"))
    return {"pocket": POCKET, "tiny": tiny_base_model}[request.param]


def packaged(folder):
    """SmolLM2 as its package brings it, in float32."""
    spec = read_yaml(Path("config/experiments/smollm2_pocket.yaml"))["base_model"]
    write_package_model(BaseModel(**spec), folder)
    return BaseModel(path=str(folder), dtype="float32")


@pytest.fixture(scope="module")
def model(base):
    return load_model(base)


@pytest.fixture(scope="module")
def samples():
    """Every second row is answered by the texts of its choices, which differ in length, every fourth beyond ASCII."""
    task, answer_format = load_tasks(Path("config/tasks")).entry("arc_easy")
    samples = render_samples("arc_easy", task, answer_format, pocket_table("arc_easy", "test", ROWS, 3), "test")
    for row in range(0, ROWS, 2):
        choices = samples.at[row, "choices"]
        samples.at[row, "responses"] = [f"« {choice} »" for choice in choices] if row % 4 else list(choices)
    return samples.assign(response=[row.responses[row.answer] for row in samples.itertuples()])


@pytest.fixture(scope="module")
def task(samples):
    """The samples as a task of the harness."""
    data = {"test": Dataset.from_pandas(samples.astype({"answer": "int64"}))}
    fields = {"doc_to_text": "prompt", "doc_to_target": "answer", "doc_to_choice": "responses"}
    settings = {"task": "toy", "custom_dataset": lambda **_: data, "test_split": "test", **fields}
    metrics = [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in METRICS]
    return ConfigurableTask(config={**settings, "output_type": "multiple_choice", "metric_list": metrics})


def ours(model, tokenizer, samples):
    """Predictions, and the tokens of prompts and responses."""
    questions = tokenize_samples(tokenizer, samples)
    [answers] = answer(model, tokenizer, questions, LoraStack(model, [({}, 0.0)]), 4000, ignore)
    return prediction_table(tokenizer, samples, "base", answers), questions


def by_row(predictions):
    return [harness_accuracies(predictions[row : row + 1]) for row in range(len(predictions))]


def test_of_the_same_tokens(base, model, samples, task):
    tokenizer = load_tokenizer(base)
    found, questions = ours(model, tokenizer, samples)
    harness = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8)
    requests = [(("", ""), q.prompt, ids[:-1]) for q in questions for ids in q.responses]
    answers = iter(harness._loglikelihood_tokens(requests, disable_tqdm=True))
    theirs = [[next(answers) for _ in q.responses] for q in questions]
    for scores, expected in zip(found["likelihoods_without_end"], theirs, strict=True):
        assert scores.tolist() == pytest.approx([score for score, _ in expected], abs=ROUNDING)
    counted = [task.process_results(doc, results) for doc, results in zip(task.test_docs(), theirs, strict=True)]
    assert by_row(found) == counted
    assert len({tuple(row.values()) for row in counted}) == 4  # either may be right where the other is not


@pytest.mark.parametrize("beginning", ["assistant\n", "assistant\n<|im_start|>"])
def test_of_the_same_texts(base, model, samples, task, beginning):
    """White space that ends the prompt is part of every continuation there, so acc_norm is the same without only."""
    tokenizer = load_tokenizer(base)
    tokenizer.chat_template = tokenizer.chat_template.replace("assistant\n", beginning)
    found, questions = ours(model, tokenizer, samples)
    harness = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8)
    chat = {"apply_chat_template": True, "system_instruction": samples["system"][0]}
    result = evaluate(harness, {"toy": task}, bootstrap_iters=0, **chat)
    moved = beginning.endswith("\n")
    theirs = sorted(result["samples"]["toy"], key=lambda sample: sample["doc_id"])
    for scores, question, sample in zip(found["likelihoods_without_end"], questions, theirs, strict=True):
        line_break = plain_likelihood(model, question.prompt[:-1], question.prompt[-1:]) if moved else 0
        assert (scores + line_break).tolist() == pytest.approx([s for s, _ in sample["filtered_resps"]], abs=ROUNDING)
    same = METRICS[: 1 if moved else 2]
    assert [{m: row[m] for m in same} for row in by_row(found)] == [{m: s[m] for m in same} for s in theirs]
    for metric in same:
        assert harness_accuracies(found)[metric] == pytest.approx(result["results"]["toy"][f"{metric},none"])
