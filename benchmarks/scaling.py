"""What grows with tasks, checkpoints, prompts and the size of adapters: measured small, or summed from shapes.

Prints one line of JSON, whose `grows` has a list of rows per question; docs/scaling.md is written from it.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from full_size_models import LORA, RandomCheckpoints, RandomQwen, prompt_states
from measure import parser, processor_seconds, report, start
from transformers import Qwen2Config

from p2w.adapters.checkpoints import Block, read_checkpoints, write_blocks
from p2w.adapters.peft_folder import peft_config
from p2w.adapters.peft_layout import layout_of
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.generators.batches import Batches, load_tasks
from workflow import Copy

# hidden, intermediate, layers, heads, key-value heads of Qwen/Qwen2.5-*-Instruct, config.json
MODELS = {
    "0.5B": (896, 4864, 24, 14, 2),
    "1.5B": (1536, 8960, 28, 12, 2),
    "3B": (2048, 11008, 36, 16, 2),
    "7B": (3584, 18944, 28, 28, 4),
}
SMALL = DecoderConfig(num_prompts=16, shapes=((16, 10, 25),), kernel_size=3, steps=1, warmup_steps=0, batch_size=8,
                      learning_rate=1e-3)  # fmt: skip


def timed(compute: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What is returned, and seconds by both clocks."""
    begin, used = time.perf_counter(), processor_seconds()
    found = compute()
    return found, {"seconds": time.perf_counter() - begin, "processor_s": processor_seconds() - used}


def planning(tasks: int, draws: int) -> dict[str, Any]:
    """A dry run of a pocket experiment with so many tasks, each a copy of one of the eight under another name."""
    with tempfile.TemporaryDirectory() as name:
        copy, table = Copy(Path(name)), Path(name, "config/tasks/common_sense.yaml")
        content = yaml.safe_load(table.read_text(encoding="utf-8"))
        own = yaml.safe_load(Path(name, "config/experiments/pocket.yaml").read_text(encoding="utf-8"))
        names = [f"{own['tasks'][number % 8]}_{number}" for number in range(tasks)]
        content["tasks"] = {task: content["tasks"][task.rpartition("_")[0]] for task in names} | content["tasks"]
        table.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        own |= {"tasks": names, "evaluation": {**own["evaluation"], "draws": draws}}
        Path(name, "config/experiments/many.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
        printed, found = timed(lambda: copy.snakemake("results/many/summary.md", "-n", "--quiet", "rules", "host"))
        jobs = sum(line.startswith(("rule ", "localrule ")) for line in printed.splitlines())
        stats = [line.split() for line in printed.splitlines() if line.startswith("total ")]
        return {"tasks": tasks, "draws": draws, "jobs": int(stats[0][1]) if stats else jobs, **found}


def checkpoints(count: int, layers: int) -> dict[str, Any]:
    """One task's table, written, read and tokenized."""
    layout = RandomQwen(layers=layers).layout()
    flat = RandomCheckpoints(1, count, layout.size)["task_0"]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "table.parquet")
        blocks = [Block(1, list(range(count)), [0.0] * count, flat)]
        _, write = timed(lambda: write_blocks(path, "benchmark", 0, layout, {}, blocks, {}))
        again, read = timed(lambda: read_checkpoints(path).weights)
        size = path.stat().st_size
    _, tokens = timed(lambda: [WeightTokens(layout).tokenize(row) for row in again])
    parts = {"write": write, "read": read, "tokenize": tokens}
    return {
        "checkpoints": count,
        "mb": size / 1e6,
        **{f"{key}_s": value["processor_s"] for key, value in parts.items()},
    }


def loading(tasks: int, count: int, prompts: int, layers: int) -> dict[str, Any]:
    """Before the first step of a decoder: the tasks' weight tokens in memory; and the data of a step."""
    spec = WeightTokens(RandomQwen(layers=layers).layout())
    states = {f"task_{n}": prompt_states(prompts, 48, n, torch.device("cpu")) for n in range(tasks)}
    made = RandomCheckpoints(tasks, count, spec.layout.size)
    (loaded, _), found = timed(lambda: load_tasks(SMALL, spec, states, made, "cpu"))
    batches = Batches(SMALL, loaded, 0, "cpu", range(SMALL.batch_size))
    _, step = timed(lambda: [list(batches.next()) for _ in range(5)])
    held = sum(task.targets.nbytes + task.prompts.flat.nbytes for task in loaded)
    return {"tasks": tasks, "checkpoints": count, "prompts": prompts, "held_mb": held / 1e6,
            "load_s": found["processor_s"], "data_of_a_step_ms": 200 * step["processor_s"]}  # fmt: skip


def adapter(name: str) -> dict[str, Any]:
    """An adapter of rank 8 on a larger model, from its shapes."""
    hidden, intermediate, layers, heads, keys = MODELS[name]
    sizes = {"hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers, "vocab_size": 64}
    config = Qwen2Config(**sizes, num_attention_heads=heads, num_key_value_heads=keys)
    spec = WeightTokens(layout_of(config, peft_config(LORA, "", None)))
    T, R, W = spec.shape
    row, tokens = 4 * spec.layout.size, 4 * T * R * W
    return {"model": name, "values": spec.layout.size, "shape": [T, R, W], "table_of_50_gb": 50 * row / 1e9,
            "tokens_of_6_tasks_gb": 6 * 50 * tokens / 1e9, "last_convolution": 2048 * T * 81}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parser(__doc__, layers=1)
    options.add_argument("--tasks", type=int, nargs="+", default=[8, 16, 32, 64])
    options.add_argument("--checkpoints", type=int, nargs="+", default=[50, 200, 1000])
    options.add_argument("--prompts", type=int, nargs="+", default=[500, 5000])
    options.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    args = options.parse_args(argv)
    start(args)
    few, first, least = args.tasks[0], args.checkpoints[0], args.prompts[0]
    grows = {
        "planning": [planning(tasks, 5) for tasks in args.tasks] + [planning(few, 20)],
        "checkpoints": [checkpoints(count, args.layers) for count in args.checkpoints],
        "loading": [loading(tasks, first, least, args.layers) for tasks in args.tasks]
        + [loading(few, first, prompts, args.layers) for prompts in args.prompts[1:]],
        "adapter": [adapter(name) for name in args.models],
    }
    report("scaling", args, [], grows=grows)


if __name__ == "__main__":
    main()
