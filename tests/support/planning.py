"""Dry runs without starting Python and importing Snakemake every time: each is a fork of a process that has done both.

Standard library only: a fork imports this module to find out what to do.
"""

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

PRELOADED = ["snakemake.cli", "snakemake.workflow", "snakemake.dag", "pydantic"]


def snakemake_fork(folder: Path, arguments: list[str]) -> tuple[int, str]:
    """Exit code and output of `snakemake ARGUMENTS` in a folder; not for runs, whose jobs need a shell of their own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", suffix=".txt") as output:
        process = context.Process(target=_main, args=(str(folder), arguments, output.name))
        process.start()
        process.join()
        return process.exitcode, output.read()


def _main(folder: str, arguments: list[str], output: str) -> None:
    file = os.open(output, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main(arguments)
