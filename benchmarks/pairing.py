"""Steps to a loss on the pocket experiment: items paired with a random checkpoint of their task, or the expected one.

The loss is that of fixed prompts against the expected weight tokens, whatever a decoder was trained on. A setting is a
JSON object of decoder options, with a name. Prints one line of JSON.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from decoder import Steps
from measure import parser, processor_seconds, report, start
from pocket_data import BASE, CONFIG, EXPERIMENT, SEED, PocketData, samples

from p2w.adapters.peft_folder import write_adapter
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.decoder import DecoderConfig
from p2w.config.evaluation import EvaluationConfig
from p2w.config.settings import parse
from p2w.evaluation.evaluate import predict
from p2w.generators.generation import draw_condition, generate
from p2w.generators.training import masked_weighted_mse
from p2w.runtime.progress import silent

SETTINGS = ('{"name": "random"}', '{"name": "expected", "pairing": "expected"}')
YARDSTICK = 4  # fixed prompt batches per task


class Yardstick:
    """Loss against the expected weight tokens of each training task."""

    def __init__(self, data: PocketData, spec: WeightTokens, tasks: Sequence[str], num_prompts: int) -> None:
        draws = [(task, draw) for task in tasks for draw in range(YARDSTICK)]
        conditions = [draw_condition(data.prompts[task], num_prompts, SEED + 1, draw, "cpu") for task, draw in draws]
        self.conditions = torch.stack(conditions)
        self.targets = torch.stack([spec.tokenize(data.checkpoints[task]).mean(0) for task, _ in draws])

    @torch.no_grad()
    def __call__(self, steps: Steps) -> float:
        return masked_weighted_mse(steps.decoder(self.conditions), self.targets, steps.weight).item()


def curve(steps: Steps, yardstick: Yardstick, every: int) -> dict[str, list[float]]:
    """Loss and processor seconds after every so many steps; measuring is not counted."""
    found: dict[str, list[float]] = {"step": [], "loss": [], "processor_seconds": []}
    used = 0.0
    for number in range(1, steps.config.steps + 1):
        begin = processor_seconds()
        steps.step()
        used += processor_seconds() - begin
        if number % every == 0:
            for key, value in (("step", number), ("loss", yardstick(steps)), ("processor_seconds", used)):
                found[key].append(value)
    return found


def accuracy(data: PocketData, spec: WeightTokens, steps: Steps, held_out: str, rows: int, draws: int) -> float:
    """Of generated adapters on the held-out task's test rows, mean over draws."""
    table = samples(held_out, "test", rows)
    config = parse(EvaluationConfig, {"max_rows": rows, "batch_tokens": EXPERIMENT["evaluation"]["batch_tokens"]})
    with tempfile.TemporaryDirectory() as folder:
        places: dict[str, Path] = {}
        for draw in range(draws):
            condition = draw_condition(data.prompts[held_out], steps.config.num_prompts, SEED, draw, "cpu")
            flat = generate(steps.decoder.eval(), spec, condition)
            places[f"draw_{draw}"] = Path(folder, str(draw))
            write_adapter(places[f"draw_{draw}"], spec.layout.unflatten(flat), data.adapter_config)
        answers = predict(BASE, table, places, config, torch.device("cpu"), silent)
    answers = answers[answers["source"] != "base"]
    wanted = list(table["response"]) * draws
    return float(sum(a.strip() == b for a, b in zip(answers["text"], wanted, strict=True)) / len(wanted))


def steps_to(found: Mapping[str, Sequence[float]], loss: float) -> int | None:
    """The first measured step with at most this loss."""
    return next((step for step, value in zip(found["step"], found["loss"], strict=True) if value <= loss), None)


def try_setting(data: PocketData, setting: Mapping[str, Any], args: Any) -> dict[str, Any]:
    """Train one decoder; its curve and the accuracy of what it generates."""
    own = {key: value for key, value in setting.items() if key != "name"}
    given = {**EXPERIMENT["decoder"], "steps": args.steps, "warmup_steps": min(CONFIG.warmup_steps, args.steps)}
    config = parse(DecoderConfig, {**given, **own, "micro_batch_size": None})
    spec = WeightTokens(data.layout, config.token_width, config.scales)
    tasks = [task for task in args.tasks if task != args.held_out]
    pick = {kind: {task: getattr(data, kind)[task] for task in tasks} for kind in ("prompts", "checkpoints")}
    steps = Steps(config, spec, pick["prompts"], pick["checkpoints"], args.seed)
    found = curve(steps, Yardstick(data, spec, tasks, config.num_prompts), args.every)
    return found | {"accuracy": accuracy(data, spec, steps, args.held_out, args.rows, args.draws)}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    sizes = {"steps": 300, "every": 20, "rows": 100, "draws": 3, "seed": SEED, "train_rows": 512}
    options = parser(__doc__, **sizes)
    options.add_argument("--data", type=Path, help="folder for the checkpoints and prompts that are made first")
    options.add_argument("--settings", nargs="+", type=json.loads, default=[json.loads(text) for text in SETTINGS])
    options.add_argument("--tasks", nargs="+", default=EXPERIMENT["tasks"])
    options.add_argument("--held-out", default="winogrande")
    args = options.parse_args(argv)
    start(args)
    with tempfile.TemporaryDirectory() as folder:
        data = PocketData(args.data or Path(folder), args.tasks, args.train_rows)
        curves = {setting["name"]: try_setting(data, setting, args) for setting in args.settings}
    goal = curves[args.settings[0]["name"]]["loss"][-1]
    claims = [
        {"claim": f"{name}: steps to the loss of {goal:.4g}", "steps": steps_to(found, goal),
         "last_loss": found["loss"][-1], "accuracy": found["accuracy"],
         "processor_s_per_step": found["processor_seconds"][-1] / found["step"][-1]}
        for name, found in curves.items()
    ]  # fmt: skip
    report("pairing", args, claims, curves=curves)


if __name__ == "__main__":
    main()
