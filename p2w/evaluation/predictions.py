"""Predictions: one row per source and test row, from which everything in the evaluation file is counted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from p2w.config.evaluation import FreeAnswers
from p2w.evaluation.answers import parse_answer
from p2w.evaluation.continuations import Answer
from p2w.evaluation.scores.judge import judge


def prediction_table(
    tokenizer: PreTrainedTokenizerBase,
    samples: pd.DataFrame,
    source: str,
    answers: Sequence[Answer],
    free: FreeAnswers | None = None,
    execute_code: bool = False,
) -> pd.DataFrame:
    """The answers of one source, one row per sample in order; `free` says how they are scored if there are no choices.

    Returns:
        Columns `source`, `id`, `response` (the right one, as the prompt asks for it), `text` (greedy, up to the end of
        the turn or as many tokens as it may have). By choices: `choices` (how many), `gold` (position of the right
        one), `prediction` (strictly parsed position, -1 when invalid), `choice` (position of the most likely response),
        `likelihoods` (float32, one per response), `likelihoods_without_end` (the same without the end of the turn),
        `characters` (of each response); and `choice_text` (position of the option text most likely per UTF-8 byte)
        where the answers have it. Free: `ended` (by the model itself), `valid` and `right`.
    """
    texts = [tokenizer.decode(answer.ids, skip_special_tokens=True) for answer in answers]
    if free is not None:
        return _free_table(samples, source, texts, [answer.ended for answer in answers], free, execute_code)
    likelihoods = [np.array(answer.responses, dtype=np.float32) for answer in answers]
    columns = {
        "source": source,
        "id": samples["id"].to_numpy(),
        "choices": [len(responses) for responses in samples["responses"]],
        "gold": samples["answer"].to_numpy(dtype="int64"),
        "response": samples["response"].to_numpy(),
        "text": texts,
        "prediction": [parse_answer(text, list(r)) for text, r in zip(texts, samples["responses"], strict=True)],
        "choice": [int(scores.argmax()) for scores in likelihoods],
        "likelihoods": likelihoods,
        "likelihoods_without_end": [np.array(answer.without_end, dtype=np.float32) for answer in answers],
        "characters": [list(map(len, responses)) for responses in samples["responses"]],
    }
    if any(answer.options for answer in answers):
        columns["choice_text"] = list(map(_per_byte, (answer.options for answer in answers), samples["choices"]))
    return pd.DataFrame(columns)


def _free_table(
    samples: pd.DataFrame, source: str, texts: list[str], ended: list[bool], free: FreeAnswers, execute_code: bool
) -> pd.DataFrame:
    verdicts = judge(free.score, texts, ended, samples, execute_code)
    columns = {
        "source": source,
        "id": samples["id"].to_numpy(),
        "response": samples["response"].to_numpy(),
        "text": texts,
        "ended": ended,
        "valid": [verdict.valid for verdict in verdicts],
        "right": [verdict.right for verdict in verdicts],
    }
    return pd.DataFrame(columns)


def _per_byte(likelihoods: Sequence[float], choices: Sequence[str]) -> int:
    """Position of the highest log-likelihood per byte; an empty text is last."""
    sizes = [len(choice.encode()) for choice in choices]
    return int(np.argmax([score / size if size else -np.inf for score, size in zip(likelihoods, sizes, strict=True)]))
