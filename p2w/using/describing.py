"""What stands beside the weights in a generator's folder: its settings, where its training tasks are, a model card."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import yaml

from p2w.config.base_model import BaseModel
from p2w.data.samples import read_samples
from p2w.generators.contract import Generator
from p2w.generators.generator_file import load_generator
from p2w.prompts.states import PromptStates, read_embeddings, read_embeddings_metadata
from p2w.runtime.files import sha256, transaction, write_json, write_text
from p2w.runtime.provenance import provenance
from p2w.runtime.records import as_comment
from p2w.runtime.tensor_files import write_tensors
from p2w.using.generator_folder import CARD, SETTINGS, TASKS, GeneratorSettings, TrainingTasks
from p2w.using.nearness import least_usual, scatter_of

EXAMPLES = 8  # prompts that show what a task is: of the one whose prompts are shortest


def describe_generator(
    generator_path: Path,
    experiment: str,
    base_model: BaseModel,
    embedding_paths: Sequence[Path],
    sample_paths: Sequence[Path],
) -> None:
    """Write settings, training tasks and model card beside a generator, given prompts and samples of each of its tasks.

    Raises ValueError: prompts that are not those of the training tasks.
    """
    generator = load_generator(generator_path)
    prompts = {read_embeddings_metadata(path)["task"]: read_embeddings(path) for path in embedding_paths}
    names = sorted(generator.metadata["training_tasks"])
    if sorted(prompts) != names:
        raise ValueError(f"found prompts of {sorted(prompts)}, expected those of the training tasks {names}")
    constant = generator.weights_of_no_prompt([prompts[task] for task in names])
    means, scatter = (torch.stack([of(prompts[task]) for task in names]) for of in (PromptStates.mean, scatter_of))
    tasks = TrainingTasks(tuple(names), means, scatter, constant)
    samples = {path.parent.name: read_samples(path) for path in sample_paths}
    systems = {task: samples[task]["system"].mode()[0] for task in names}
    shortest = min(names, key=lambda task: samples[task]["prompt"].str.len().mean())
    examples = tuple(" ".join(prompt.split()) for prompt in samples[shortest]["prompt"].head(EXAMPLES))
    settings = GeneratorSettings(experiment=experiment, base_model=base_model, systems=systems, examples=examples)
    config = {"experiment": experiment, "base_model": base_model.given()}
    record = provenance("generator_folder", config, [generator_path, *embedding_paths, *sample_paths])
    with transaction():
        write_tasks(generator_path.with_name(TASKS), tasks, record)
        write_json(generator_path.with_name(SETTINGS), settings.given())
        write_text(generator_path.with_name(CARD), card(generator_path, generator, settings, tasks, record))


def write_tasks(path: Path, tasks: TrainingTasks, record: Mapping[str, object]) -> None:
    """Write what `read_tasks` reads; equal input gives equal bytes."""
    tensors = {name: getattr(tasks, name) for name in ("means", "scatter", "constant", "mixture", "own")}
    found = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    write_tensors(path, found, {"tasks": list(tasks.names), "provenance": record})


def card(
    path: Path,
    generator: Generator,
    settings: GeneratorSettings,
    tasks: TrainingTasks,
    record: Mapping[str, object],
) -> str:
    """The model card of a generator, with the head that the Hub reads."""
    config, encoder = generator.metadata["adapter_config"], generator.metadata["encoder"]
    made, base = generator.metadata["provenance"], settings.base_model.name
    head = {"base_model": base, "library_name": "p2w", "tags": ["p2w", "lora", "hypernetwork", "generated-weights"]}
    usual = least_usual(tasks, generator.num_prompts)
    kind = made["config"].get("kind", "hyperconv")
    encoder_name = encoder.get("hub") or encoder.get("package") or encoder.get("path")
    return f"""---
{yaml.safe_dump(head, sort_keys=False)}---

# A generator of LoRA adapters for {base}

From unlabeled prompts of a task, one or more, it makes an adapter of rank {config["r"]} for `{base}`, without any
training on that task. Made by P2W, after [Drag-and-Drop LLMs](https://arxiv.org/abs/2506.16406), in its experiment
`{settings.experiment}`.

```
p2w generate my_prompts.txt --generator FOLDER -o my_adapter    # FOLDER: that of this file, or its id on the Hub
```

```python
from p2w import Generator

adapter = Generator.from_pretrained("FOLDER").generate(["a prompt of my task", "another one"])
adapter.save_pretrained("my_adapter")  # in PEFT's format
```

## What it learned from

| | |
| --- | --- |
| kind | {kind} |
| training tasks ({len(tasks.names)}) | {", ".join(tasks.names)} |
| prompts that it was fitted for | {generator.num_prompts}; fewer will do, see the warning that they come with |
| prompt encoder | {encoder_name}, {encoder["max_length"]} tokens |
| similarity to the nearest of them below which prompts are called far | {usual:.3f} |
| sha256 of the weights | `{sha256(path)}` |
| code | `{made["code_sha256"]}` |

## Limits

- Nothing was held out from it, so it has no score on an unseen task: the experiment's generators for held-out tasks
  have, in its summary.
- An adapter of it is worth something when it beats both the adapter that it makes of no prompt and that of the nearest
  training task: `p2w evaluate` scores them beside it.
- Prompts that are further from every training task than those are from each other come with a warning.

{as_comment(dict(record))}
"""
