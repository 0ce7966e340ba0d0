"""The whole way from the facts to the folder of the pocket base model."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

from p2w.pocket.builder.curriculum import PHASES
from p2w.pocket.builder.drills import Drills
from p2w.pocket.builder.probe import base_accuracies
from p2w.pocket.builder.tokenizer import build_tokenizer, save_tokenizer
from p2w.pocket.builder.train_base import Training, load_or_train, new_model, train_phase
from p2w.pocket.prompts import ROWS, Exercise, exercises
from p2w.pocket.world import RELATIONS
from p2w.runtime.files import together, write_bytes, write_json
from p2w.runtime.provenance import provenance

CONTEXT = 2048
THREADS = 2  # more would change the order of sums, and so the model
SHARD = "1MB"  # small files are kind to version control


def build_base_model(
    output: Path, tasks: Path, seed: int, work_dir: Path | None, report: Callable[[str], None]
) -> None:
    """Train the pocket base model and write its folder; the record of it is written last."""
    torch.set_num_threads(THREADS)
    # Sharp attention leaves gradients too small for normal floats, with which a CPU is many times slower.
    torch.set_flush_denormal(True)
    pool = exercises(tasks, ROWS, seed)
    tokenizer = build_tokenizer(corpus(pool), CONTEXT)
    model = new_model(tokenizer, seed)
    with tempfile.TemporaryDirectory() as scratch:
        results = _train(model, Drills(tokenizer, pool), seed, work_dir or Path(scratch), report)
    save_model(model, tokenizer, output)
    config = {"training": asdict(Training()), "phases": [asdict(phase) for phase in PHASES], "rows": ROWS}
    record = provenance("build_pocket_base", config, [tasks], seed)
    write_json(output / "provenance.json", {**record, "results": results, "measured": base_accuracies(output, tasks)})


def corpus(pool: Iterable[Exercise]) -> Iterator[str]:
    """All texts whose words become tokens."""
    yield from ("system\nuser\nassistant\n", "true\nfalse\nyes\nno\nTrue\nFalse\n", " true false yes no True False")
    for relation in RELATIONS.values():
        for fact in relation.facts:
            yield f" {relation.statement.format(s=relation.noun(fact.subject), o=fact.object)}"
            yield from (f" {fact.subject}", f" {fact.object}", f"use {fact.object}", f"get {fact.object}", fact.object)
    for exercise in pool:
        yield from (exercise.system, exercise.prompt, *exercise.answers)


def save_model(model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerFast, output: Path) -> None:
    """Write weights in half precision, to be computed with in single precision, and the tokenizer."""
    with tempfile.TemporaryDirectory() as scratch, together():
        model.eval().half()
        model.save_pretrained(scratch, max_shard_size=SHARD)
        model.float()
        model.config.save_pretrained(scratch)
        save_tokenizer(tokenizer, scratch)
        for path in sorted(Path(scratch).iterdir()):
            write_bytes(output / path.name, path.read_bytes())


def _train(
    model: Qwen2ForCausalLM, drills: Drills, seed: int, work_dir: Path, report: Callable[[str], None]
) -> dict[str, Any]:
    results = {}
    for number, phase in enumerate(PHASES):
        path = work_dir / f"{number}_{phase.name}.pt"
        results[phase.name] = load_or_train(
            model, path, lambda phase=phase: train_phase(model, drills, phase, Training(), seed, report)
        )
        report(f"{phase.name}: {results[phase.name]}")
    return results
