"""How good settings of a generator that is trained are, without a look at held-out tasks: by training tasks left out.

    python benchmarks/learned_settings.py pocket_formats_basis --adapters pocket_formats \\
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

from experiment_results import Results, add_arguments, find_results

from p2w.config.generator import GeneratorConfig
from p2w.config.settings import json_argument
from p2w.generators.generating import read_condition
from p2w.generators.generator_file import load_generator


def score(results: Results, generator_path: Path, task: str, args: argparse.Namespace) -> float:
    """Accuracy on train rows of a task, mean over draws."""
    generator, made = load_generator(generator_path), {}
    for draw in range(args.draws):
        condition = read_condition(generator, results.embedding_path(task), args.seed, draw)
        made[f"draw_{draw}"] = generator.weights(condition)
    rows = results.rows(task, "train", args.rows)
    found = results.accuracy_of(task, rows, made, results.checkpoints([task]))
    return sum(found[draw] for draw in made) / len(made)


def main(argv: Sequence[str] | None = None) -> None:
    """Train once, score every task that was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--generator", type=json_argument(GeneratorConfig), required=True, help="settings, as JSON")
    parser.add_argument("--left-out", nargs="+", required=True, help="training tasks to be scored")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args(argv)
    results = find_results(args)
    if seen := sorted(set(args.left_out) & set(results.held_out)):
        parser.error(f"--left-out: found {seen[0]}, which the experiment holds out, expected training tasks")
    with tempfile.TemporaryDirectory() as folder:
        path, start = Path(folder, "generator.safetensors"), time.process_time()
        tasks = [task for task in results.training if task not in args.left_out]
        results.learn(args.generator, tasks, args.left_out, args.seed, path)
        cost = time.process_time() - start
        found = {task: round(score(results, path, task, args), 3) for task in args.left_out}
    mean = round(sum(found.values()) / len(found), 3)
    print(json.dumps({"mean": mean, "accuracy": found, "processor_seconds": round(cost, 1)}))


if __name__ == "__main__":
    main()
