"""Run the benchmarks of all stages, one after the other, and write their table into README.md beside this file."""

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import processor_name

from p2w.runtime.files import write_text

FOLDER = Path(__file__).parent
STAGES = ("checkpoints", "embeddings", "decoder", "finetune", "generation", "evaluation", "workflow", "peers")
BEGIN, END = "<!-- written by make bench -->\n", "<!-- end -->\n"
HEAD = (
    "| stage | claim | ours | plain | times as fast | target | floor | times the floor | met |\n" + "|---" * 9 + "|\n"
)


def run_stage(stage: str, options: Sequence[str]) -> dict[str, Any]:
    """The JSON line of a script; RuntimeError when it fails."""
    command = [sys.executable, FOLDER / f"{stage}.py", *options]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{stage}.py: exit status {done.returncode}")
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    return json.loads(done.stdout.splitlines()[-1])


def row(stage: str, claim: Mapping[str, Any]) -> str:
    """A claim as a line of the table."""
    if "share" in claim:
        middle = [f"{claim['share']:.1%}", "", "", f"at most {claim['at_most']:.0%}", "", ""]
    else:
        fast = f"{claim['times_as_fast']:.3g} ({claim['by_processor_time']:.3g})" if "times_as_fast" in claim else ""
        target = f"at most {claim['at_most_s']:g} s" if "at_most_s" in claim else f"{claim['target']:g}"
        plain = seconds(claim.get("plain_s"))
        far = f"{claim['times_the_floor']:.3g}" if "times_the_floor" in claim else ""
        middle = [seconds(claim["ours_s"]), plain, fast, target, seconds(claim.get("floor_s")), far]
    return "| " + " | ".join([stage, claim["claim"], *middle, "yes" if claim["met"] else "**no**"]) + " |\n"


def seconds(value: float | None) -> str:
    """With its unit."""
    if value is None:
        return ""
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def table(lines: Iterable[Mapping[str, Any]], took: float) -> str:
    """The machine, and a row per claim."""
    lines = list(lines)
    where = f"{processor_name()}, {os.cpu_count()} cores, torch {lines[0]['torch']}"
    head = f"{where}; {datetime.date.today():%Y-%m-%d}, commit {commit()}; {took / 60:.1f} minutes in all.\n\n"
    return head + HEAD + "".join(row(line["stage"], claim) for line in lines for claim in line["claims"])


def commit() -> str:
    """Short hash of the project's commit, and whether files differ from it."""
    git = ["git", "-C", str(FOLDER)]
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if found.returncode:
        return "unknown"
    changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout
    return found.stdout.strip() + (" with changes" if changed.strip() else "")


def put_in(readme: Path, text: str) -> None:
    """Replace what stands between the two marks."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{readme}: found no text between {BEGIN.strip()} and {END.strip()}")
    write_text(readme, f"{before}{BEGIN}{text}{END}{after}")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--runs", default="3")
    parser.add_argument("--readme", type=Path, default=FOLDER / "README.md")
    args = parser.parse_args(argv)
    start = time.monotonic()
    lines = [run_stage(stage, ["--runs", args.runs]) for stage in args.stages]
    put_in(args.readme, table(lines, time.monotonic() - start))


if __name__ == "__main__":
    main()
