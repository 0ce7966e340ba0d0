"""What the pocket base model knows, and how rarely it answers in the required format."""

from pathlib import Path

import torch

from p2w.base.base_model import load_model, load_tokenizer
from p2w.base.chat import pad, prompt_ids, response_ids
from p2w.config.base_model import BaseModel
from p2w.config.suites import load_tasks
from p2w.data.samples import render_samples
from p2w.pocket.tables import TASKS, pocket_table

ROWS = 200
SEED = 1  # not the seed that the base model's own exercises start from


@torch.inference_mode()
def base_accuracies(
    model: Path, tasks: Path, rows: int = ROWS, names: tuple[str, ...] = tuple(TASKS)
) -> dict[str, dict[str, float]]:
    """Two shares of the rows of each task's test split.

    `accuracy`: every token of the response and the end of the turn is the most likely one, that is, greedy decoding
    gives exactly the response. `accuracy_after_bracket`: the same, once the first token is given.
    """
    base, table = BaseModel(path=str(model)), load_tasks(tasks)
    network, tokenizer, found = load_model(base), load_tokenizer(base), {}
    for name in names:
        task, answer_format = table.entry(name)
        raw = pocket_table(name, task.splits["test"], rows, SEED)
        samples = list(render_samples(name, task, answer_format, raw, "test").itertuples())
        prompts = [prompt_ids(tokenizer, row.system, row.prompt) for row in samples]
        responses = [response_ids(tokenizer, row.response) for row in samples]
        whole = [prompt + response for prompt, response in zip(prompts, responses, strict=True)]
        likely = network(input_ids=pad(whole, tokenizer.pad_token_id)).logits.argmax(-1).tolist()
        hits = [
            [given == token for given, token in zip(best[len(prompt) - 1 :], response, strict=False)]
            for best, prompt, response in zip(likely, prompts, responses, strict=True)
        ]
        found[name] = {
            "accuracy": sum(map(all, hits)) / len(hits),
            "accuracy_after_bracket": sum(all(row[1:]) for row in hits) / len(hits),
        }
    return found
