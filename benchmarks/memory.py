"""Peak memory of every stage of experiments that were run, from what Snakemake measured of their jobs.

    python benchmarks/memory.py pocket smollm2

prints a table: of every rule the largest job's resident memory in GB, and how many jobs there were. The decoder at full
size is simulated by full_size_memory.py.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from p2w.report.document import table
from p2w.report.figures_training import read_benchmarks

PROJECT = Path(__file__).parents[1]


def stages(results: Path, experiments: Sequence[str]) -> dict[str, pd.DataFrame]:
    """What `read_benchmarks` knows of each; FileNotFoundError for one that was not run."""
    found = {name: sorted((results / name / "benchmarks").rglob("*.tsv")) for name in experiments}
    if missing := [name for name, paths in found.items() if not paths]:
        raise FileNotFoundError(f"{results / missing[0] / 'benchmarks'}: found no *.tsv, expected those of a run")
    return {name: read_benchmarks(paths) for name, paths in found.items()}


def cells(found: pd.DataFrame, rule: str) -> tuple[str, str]:
    """Memory and jobs of a rule."""
    if rule not in found.index:
        return "–", "–"
    return f"{found.loc[rule, 'memory'] / 1000:.2f}", str(found.loc[rule, "jobs"])


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, the largest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--results", type=Path, default=PROJECT / "results")
    args = parser.parse_args(argv)
    found = stages(args.results, args.experiments)
    largest = pd.concat(found.values())["memory"].groupby(level=0).max().sort_values(ascending=False)
    head = ("stage", *(cell for name in found for cell in (f"`{name}`, GB", "jobs")))
    print(
        table(head, [(rule, *(cell for one in found.values() for cell in cells(one, rule))) for rule in largest.index])
    )


if __name__ == "__main__":
    main()
