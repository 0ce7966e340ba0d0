"""What Snakemake and Python take before any work is done: planning everything, finding nothing to do, starting a job.

Runs in a copy of the project. Prints one line of JSON.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from measure import PROJECT, at_most, in_turns, parser, report

PARTS = ("Snakefile", "rules", "workflow", "p2w", "config", "profiles", "envs")
TARGET = "results/pocket/summary.md"
# Stages that need no transformers: what they import is what their jobs wait for.
STAGES = ("raw", "samples", "checkpoints", "decoder", "generate", "constant", "card", "summary")


class Copy:
    """The project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            source = PROJECT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)

    def python(self, *arguments: str) -> str:
        """What a Python command prints."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def snakemake(self, *arguments: str) -> str:
        """What `snakemake` prints."""
        return self.python("-m", "snakemake", *arguments, "--cores", "2")

    def pretend(self, target: str) -> int:
        """Empty files in place of all that the target needs, as if made just now; how many."""
        lines = self.snakemake(target, "--summary").splitlines()
        first = next(number for number, line in enumerate(lines) if line.startswith("output_file"))
        files = [self.folder / line.split("\t")[0] for line in lines[first + 1 :] if "\t" in line]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        self.snakemake(target, "--touch")
        return len(files)


def starts(copy: Copy, stage: str) -> Callable[[], str]:
    """A job of a stage, up to where its command line is read."""
    return lambda: copy.python(f"workflow/scripts/{stage}.py", "--help")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    options.add_argument("--target", default=TARGET)
    args = options.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        copy = Copy(Path(name))
        plan, _ = in_turns(
            {"plan": lambda: copy.snakemake(args.target, "-n", "--quiet", "rules", "host")}, args.runs, warm_up=False
        )
        begin, _ = in_turns({stage: starts(copy, stage) for stage in args.stages}, args.runs, warm_up=False)
        files = copy.pretend(args.target)
        again, found = in_turns({"no-op": lambda: copy.snakemake(args.target)}, args.runs, warm_up=False)
    if "Nothing to be done" not in found["no-op"]:
        raise RuntimeError(f"no-op run: expected nothing to be done, found\n{found['no-op']}")
    slowest = max(args.stages, key=begin["seconds"].__getitem__)
    claims = [
        at_most("dry run of the whole pocket experiment", plan, "plan", 5),
        at_most("a run with nothing to do", again, "no-op", 5),
        at_most(f"start of a job, the slowest stage ({slowest})", begin, slowest, 3),
    ]
    report("workflow", args, claims, files=files, starts=begin["seconds"], starts_processor=begin["processor_seconds"])


if __name__ == "__main__":
    main()
