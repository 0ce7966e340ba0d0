"""How good settings of basis are, found without a look at held-out tasks: some training tasks are left out together.

    python benchmarks/basis_settings.py pocket_formats_basis --adapters pocket_formats \\
        --generator '{"kind": "basis", "steps": 120}' --left-out openbookqa.bracket_letter winogrande.words

reads the results of an experiment. The tasks that it holds out take no part, neither to learn from nor to be scored:
the generator learns from every other task but those left out, and the adapters that it makes of their train prompts are
scored on train rows. Prints one line of JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from p2w.adapters.peft_folder import write_adapter
from p2w.config.experiment import Experiment
from p2w.config.experiments import Experiments, find_experiments, read_sources, read_task_table
from p2w.config.generator import GeneratorConfig
from p2w.config.settings import json_argument
from p2w.data.samples import read_samples
from p2w.evaluation.evaluate import predict, select_rows
from p2w.generators.generating import read_condition
from p2w.generators.generator_file import load_generator
from p2w.generators.learning import learn_without
from p2w.runtime.progress import silent

PROJECT = Path(__file__).parents[1]


def learn(
    experiment: Experiment, config: GeneratorConfig, left_out: Sequence[str], args: argparse.Namespace, output: Path
) -> None:
    """Train on all tasks that are neither held out nor left out."""
    tasks = [task for task in experiment.tasks if task not in (*experiment.takes_turns, *left_out)]
    own, adapters = args.results / args.experiment, args.results / (args.adapters or args.experiment)
    learn_without(
        left_out,
        config,
        experiment.base_model,
        experiment.decoder.num_prompts,
        experiment.finetune.max_length,
        args.seed,
        [adapters / f"checkpoints/{task}.parquet" for task in tasks],
        [own / f"embeddings/{task}.parquet" for task in tasks],
        {task: own / f"samples/{task}/train.parquet" for task in tasks},
        output,
    )


def score(experiment: Experiment, generator_path: Path, task: str, args: argparse.Namespace) -> float:
    """Accuracy on train rows of a task, over draws."""
    generator, results = load_generator(generator_path), args.results / args.experiment
    samples = select_rows(read_samples(results / f"samples/{task}/train.parquet"), args.rows, experiment.seed)
    places = {}
    for draw in range(args.draws):
        places[f"draw_{draw}"] = place = generator_path.with_name(f"{task}_{draw}")
        condition = read_condition(generator, results / f"embeddings/{task}.parquet", args.seed, draw)
        tensors = generator.layout.unflatten(generator.weights(condition))
        write_adapter(place, tensors, generator.metadata["adapter_config"])
    answers = predict(experiment.base_model, samples, places, experiment.evaluation, torch.device("cpu"), silent)
    drawn = answers[answers["source"].isin(places)]
    right = drawn["right"] if "right" in drawn else drawn["prediction"] == drawn["gold"]
    return float(right.mean())


def main(argv: Sequence[str] | None = None) -> None:
    """Train once, score every task that was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--adapters", help="the experiment whose adapters it uses, if they are another's")
    parser.add_argument("--generator", type=json_argument(GeneratorConfig), required=True, help="settings, as JSON")
    parser.add_argument("--left-out", nargs="+", required=True, help="training tasks to be scored")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--results", type=Path, default=PROJECT / "results")
    args = parser.parse_args(argv)
    tables = read_task_table(PROJECT / "config/tasks"), read_sources(PROJECT / "config/sources.yaml")
    experiment = Experiments(find_experiments(PROJECT / "config/experiments"), *tables).whole(args.experiment)
    if seen := sorted(set(args.left_out) & set(experiment.takes_turns)):
        parser.error(f"--left-out: found {seen[0]}, which the experiment holds out, expected training tasks")
    with tempfile.TemporaryDirectory() as folder:
        path, start = Path(folder, "generator.safetensors"), time.process_time()
        learn(experiment, args.generator, args.left_out, args, path)
        cost = time.process_time() - start
        found = {task: round(score(experiment, path, task, args), 3) for task in args.left_out}
    mean = round(sum(found.values()) / len(found), 3)
    print(json.dumps({"mean": mean, "accuracy": found, "processor_seconds": round(cost, 1)}))


if __name__ == "__main__":
    main()
