"""The workflow's way from a file of prompts to an adapter."""

import warnings
from dataclasses import replace
from pathlib import Path

from p2w.runtime.progress import say
from p2w.runtime.provenance import provenance
from p2w.using.generator import Generator
from p2w.using.generator_folder import SETTINGS, TASKS
from p2w.using.prompt_files import read_prompts


def generate_from_file(generator_path: Path, prompts_path: Path, seed: int, output: Path) -> None:
    """Write the adapter that a generator makes of all prompts in a file, with its card; says what is to be known.

    ValueError as `Generator.from_pretrained` and `read_prompts`.
    """
    generator = Generator.from_pretrained(generator_path.parent)
    with warnings.catch_warnings(action="ignore"):
        adapter = generator.generate(read_prompts(prompts_path), seed)
    for warning in adapter.warnings:
        say(f"warning: {warning}")
    inputs = [generator_path, *map(generator_path.with_name, (SETTINGS, TASKS)), prompts_path]
    record = {**adapter.record, **provenance("adapter_for", {}, inputs, seed)}
    replace(adapter, record=record).save_pretrained(output.parent)
