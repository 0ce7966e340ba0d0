"""What the paper's experiment costs on this machine: Qwen2.5-0.5B and the published decoder, without any download.

Runs a few real steps of each stage on random weights and made-up prompts, and prints one JSON line per stage and
setting: tokens and samples per second, TFLOP/s beside those of a matrix product, peak memory. Several values of an
option are tried one after the other, each in a process of its own. Without a GPU everything is reduced (see
full_size.md). Example:

    python benchmarks/full_size.py --stages decoder --micro-batch 1 2 4 8 --checkpointing off on \
        --optimizer adamw_fused adamw_8bit
"""

import argparse
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from full_size_counts import compute_peak, peak_memory
from full_size_stages import STAGES, Setting, measure

from p2w.config.settings import parse
from p2w.runtime.device import best_device

# Stages that depend on the options of training.
TRAINED = ("finetune", "decoder")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--reduced", action="store_true", help="smaller in every way; always without a GPU")
    parser.add_argument("--steps", type=int, help="steps, or batches, per stage; the first is not timed [4, reduced 2]")
    parser.add_argument("--batch", type=int, help="samples per step [the decoder 64, the others 32; reduced 4]")
    parser.add_argument("--micro-batch", type=int, nargs="+", help="samples computed at once [8; reduced 2]")
    parser.add_argument("--checkpointing", nargs="+", choices=("off", "on"), default=["off"])
    parser.add_argument("--optimizer", nargs="+", default=["adamw_fused"], help="of the decoder")
    parser.add_argument("--precision", nargs="+", help="bfloat16, float32 [bfloat16; reduced float32]")
    parser.add_argument("--tf32", action="store_true", help="float32 convolutions in TF32")
    parser.add_argument("--targets", nargs="+", default=["device"], help="where weight tokens are: device, host")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    return parser


def settings(args: argparse.Namespace) -> Iterator[Setting]:
    """Every combination of the options that a stage depends on."""
    reduced = args.reduced or not torch.cuda.is_available()
    for stage in args.stages:
        batch = args.batch or (4 if reduced else 64 if stage == "decoder" else 32)
        first = Setting(stage, reduced, args.steps or (2 if reduced else 4), batch, tf32=args.tf32)
        options = {
            "precision": args.precision or ["float32" if reduced else "bfloat16"],
            "micro_batch_size": args.micro_batch or [2 if reduced else 8],
            "activation_checkpointing": [word == "on" for word in args.checkpointing],
            "optimizer": args.optimizer,
            "targets": args.targets,
        }
        swept = len(options) if stage == "decoder" else 3 if stage in TRAINED else 1
        for values in itertools.product(*list(options.values())[:swept]):
            yield replace(first, **dict(zip(options, values, strict=False)))


def run_one(setting: Setting) -> dict[str, Any]:
    """Measure one setting in this process."""
    device = best_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    peak = compute_peak(device, getattr(torch, setting.precision))
    found = {"device": name, "torch": torch.__version__}
    try:
        found |= measure(setting, device)
        if "tflops" in found:
            found |= {"matmul_tflops": peak, "share_of_matmul": found["tflops"] / peak}
    except torch.OutOfMemoryError:
        found |= {**asdict(setting), "error": "out of GPU memory"}
    return {**found, **peak_memory(device)}


def in_own_process(setting: Setting) -> str:
    """The JSON line of a setting; memory is counted per process."""
    command = [sys.executable, __file__, "--one", json.dumps(asdict(setting))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return json.dumps({**asdict(setting), "error": f"exit status {done.returncode}"})
    return done.stdout.splitlines()[-1]


def main(argv: Sequence[str] | None = None) -> None:
    """Print a JSON line per setting."""
    args = arguments().parse_args(argv)
    if args.one is not None:
        found = run_one(parse(Setting, args.one))
        found = {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in found.items()}
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for setting in settings(args):
        sys.stdout.write(in_own_process(setting) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
