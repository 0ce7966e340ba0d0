"""Training steps of two threads on a machine that is quiet, and on one whose processors others keep busy: with threads
that spin while they wait for each other, as OpenMP has it, and with threads that sleep (OMP_WAIT_POLICY=PASSIVE).

Prints one line of JSON: steps per second by how many other processes are at work.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from measure import parser, report
from torch import nn

BUSY = "while True: pass"
SHAPE = (8, 16, 32, 32)  # a stack of convolutions whose operations take some milliseconds, as the pocket decoder's
LAYERS = 12


@contextmanager
def others(count: int) -> Iterator[None]:
    """So many processes that compute without end."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def steps_per_second(threads: int, seconds: float) -> float:
    """Of a small network in this process."""
    torch.set_num_threads(threads)
    network = nn.Sequential(*[nn.Conv2d(SHAPE[1], SHAPE[1], 3, padding=1) for _ in range(LAYERS)])
    x, start, done = torch.randn(SHAPE), time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        network(x).square().mean().backward()
        done += 1
    return done / (time.perf_counter() - start)


def in_own_process(threads: int, seconds: float, policy: str | None) -> float:
    """The same in a new process: OpenMP reads its settings when it starts."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if policy is None else {"OMP_WAIT_POLICY": policy}
    command = [sys.executable, __file__, "--threads", str(threads), "--seconds", str(seconds), "--one"]
    return float(json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parser(__doc__, threads=2, most=2)
    options.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    options.add_argument("--one", action="store_true", help="measure this process and print that alone")
    args = options.parse_args(argv)
    if args.one:
        print(steps_per_second(args.threads, args.seconds))
        return
    found = {}
    for count in range(args.most + 1):
        with others(count):
            rates = [in_own_process(args.threads, args.seconds, policy) for policy in (None, "PASSIVE")]
        found[count] = {"spinning": rates[0], "sleeping": rates[1], "times_as_fast": rates[1] / rates[0]}
    report("waiting", args, [], by_others=found)


if __name__ == "__main__":
    main()
