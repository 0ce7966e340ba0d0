"""Timing on a machine that others use too: ways taken in turns, medians, floors from this machine's own peaks."""

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from full_size_counts import compute_peak

from p2w.runtime.heap import keep_freed_memory

PROJECT = Path(__file__).parent.parent
POCKET = PROJECT / "p2w/pocket/base_model"

keep_freed_memory()  # as in every command of P2W; what is compared with ours in one process has the same

Medians = Mapping[str, Mapping[str, float]]


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


# Processor time is there because it does not count the time that other processes have had.
CLOCKS = {"seconds": time.perf_counter, "processor_seconds": processor_seconds}


def in_turns(
    ways: Mapping[str, Callable[[], Any]], runs: int, warm_up: bool = True
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Median of each clock for each way, taken in turns so that a busy moment meets all; and what each way returned."""
    taken: dict[str, dict[str, list[float]]] = {clock: {name: [] for name in ways} for clock in CLOCKS}
    found = {name: way() for name, way in ways.items()} if warm_up else {}
    for _ in range(runs):
        for name, way in ways.items():
            found.pop(name, None)  # its memory is free again before the next
            start = {clock: read() for clock, read in CLOCKS.items()}
            found[name] = way()
            for clock, read in CLOCKS.items():
                taken[clock][name].append(read() - start[clock])
    return {clock: {name: statistics.median(all_) for name, all_ in by.items()} for clock, by in taken.items()}, found


def claim(
    what: str, taken: Medians, ours: str, plain: str, target: float, floor: float | None = None, per: int = 1
) -> dict[str, Any]:
    """`ours` against `plain`: seconds, how many times as fast, the target; `floor` seconds and how far from them.

    Args:
        per: how many things a measurement did; seconds are those of one.
    """
    own, other = taken["seconds"][ours], taken["seconds"][plain]
    found = {"claim": what, "ours_s": own / per, "plain_s": other / per, "times_as_fast": other / own}
    processor = taken["processor_seconds"]
    found |= {"by_processor_time": processor[plain] / processor[ours], "target": target, "met": other / own >= target}
    return found | floor_keys(own / per, floor)


def at_most(what: str, taken: Medians, way: str, most: float, floor: float | None = None) -> dict[str, Any]:
    """A way that is to take at most so many seconds."""
    own, processor = taken["seconds"][way], taken["processor_seconds"][way]
    found = {"claim": what, "ours_s": own, "processor_s": processor, "at_most_s": most, "met": own <= most}
    return found | floor_keys(own, floor)


def floor_keys(seconds: float, floor: float | None) -> dict[str, float]:
    """The least that this machine could need, and how many times as long it took."""
    return {} if floor is None else {"floor_s": floor, "times_the_floor": seconds / floor}


def copy_bandwidth() -> float:
    """Bytes per second, read and written, of a copy in memory; the best of some."""
    x, y = torch.zeros(2**25), torch.ones(2**25)
    return 2 * x.nbytes / min(_seconds(lambda: y.copy_(x)) for _ in range(7))


def flops_peak(dtype: torch.dtype = torch.float32) -> float:
    """Operations per second, at best."""
    return compute_peak(torch.device("cpu"), dtype) * 1e12


def _seconds(compute: Callable[[], Any]) -> float:
    start = time.perf_counter()
    compute()
    return time.perf_counter() - start


def parser(doc: str | None, threads: int = 1, **sizes: int) -> argparse.ArgumentParser:
    """Options that all benchmarks have, and one for each size; `threads` as a job of the stage has."""
    made = argparse.ArgumentParser(description=doc)
    made.add_argument("--runs", type=int, default=3, help="a median of so many")
    made.add_argument("--threads", type=int, default=threads)
    for name, default in sizes.items():
        made.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    return made


def start(args: argparse.Namespace) -> None:
    """Set the process up as a stage of the workflow is."""
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)


def report(stage: str, args: argparse.Namespace, claims: list[dict[str, Any]], **more: Any) -> None:
    """Print the one line of JSON."""
    settings = {key: value for key, value in vars(args).items() if not isinstance(value, Path)}
    line = {"stage": stage, **settings, "torch": torch.__version__, **more, "claims": claims}
    sys.stdout.write(json.dumps(_short(line)) + "\n")


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_short(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def processor_name() -> str:
    """Of the first processor, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
