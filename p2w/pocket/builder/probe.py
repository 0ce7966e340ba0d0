"""What the pocket base model knows, and how rarely it answers in the required format."""

from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import pad, prompt_ids, response_ids
from p2w.config.base_model import BaseModel
from p2w.config.tasks import load_tasks
from p2w.data.samples import render_samples
from p2w.pocket.tables import TASKS, pocket_table

ROWS = 200
SEED = 1  # not the seed that the base model's own exercises start from


def base_accuracies(model: Path, tasks: Path, rows: int = ROWS, names: tuple[str, ...] = tuple(TASKS)) -> dict:
    """Per task, on rows of its test split: see `probe`."""
    base, table = BaseModel(path=str(model)), load_tasks(tasks)
    network, tokenizer, found = load_model(base), load_tokenizer(base), {}
    for name in names:
        task, answer_format = table.entry(name)
        raw = pocket_table(name, task.raw_split("test"), rows, SEED)
        samples = render_samples(name, task, answer_format, raw, "test")
        rendered = list(zip(samples["system"], samples["prompt"], samples["response"], strict=True))
        found[name] = probe(network, tokenizer, rendered)
    return found


@torch.inference_mode()
def probe(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, samples: list[tuple[str, str, str]]
) -> dict[str, float]:
    """Two shares of `samples` (system, prompt, response).

    Returns:
        `accuracy`: every token of the response and the end of the turn is the most likely one, that is, greedy
        decoding gives exactly the response. `accuracy_after_bracket`: the same, once the first token is given.
    """
    prompts = [prompt_ids(tokenizer, system, prompt) for system, prompt, _ in samples]
    responses = [response_ids(tokenizer, response) for _, _, response in samples]
    ids = pad([prompt + response for prompt, response in zip(prompts, responses, strict=True)], tokenizer.pad_token_id)
    likely = model(input_ids=ids).logits.argmax(-1)
    hits = [
        [likely[i, len(prompt) + j - 1].item() == token for j, token in enumerate(response)]
        for i, (prompt, response) in enumerate(zip(prompts, responses, strict=True))
    ]
    return {
        "accuracy": sum(map(all, hits)) / len(hits),
        "accuracy_after_bracket": sum(all(row[1:]) for row in hits) / len(hits),
    }
