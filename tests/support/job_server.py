"""A `python` that starts at once: a fork of a process that has imported the libraries runs what it is asked to run.

Most of a small job's time is the start of Python and its imports. P2W itself is not imported beforehand: every fork
takes it from where PYTHONPATH says, as a job does. This file is the server too, of the standard library only.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path

PRELOADED = [
    *("snakemake.cli", "snakemake.workflow", "snakemake.dag", "pydantic", "torch", "pandas", "pyarrow.parquet"),
    *("scipy.stats", "safetensors.torch", "transformers.models.qwen2.modeling_qwen2", "transformers.models.auto"),
    *("transformers.models.llama.modeling_llama", "peft", "sentence_transformers", "datasets", "matplotlib.figure"),
]
LENGTH = 8  # bytes of a number on the line
CLIENT = """#!{python} -IS
import json, os, signal, socket, sys

if not sys.argv[1:] or sys.argv[1].startswith("-") and sys.argv[1:3] != ["-m", "snakemake"]:
    os.execv({whole!r}, [{whole!r}, *sys.argv[1:]])
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
order = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(line, [len(order).to_bytes({length}, "big")], [0, 1, 2])
line.sendall(order)
job = int.from_bytes(line.recv({length}), "big")
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(job, number))
code = os.waitstatus_to_exitcode(int.from_bytes(line.recv({length}), "big"))
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@cache
def quick_python() -> Path:
    """The `python` that starts at once, for scripts and `-m snakemake`; anything else it leaves to the whole one."""
    folder = Path(tempfile.mkdtemp(prefix="python"))
    address = folder / "server"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, __file__, address]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    )
    assert server.stdout.readline() == b"ready\n"
    atexit.register(server.stdin.close)
    python = folder / "python"
    base = os.path.realpath(sys._base_executable)
    python.write_text(CLIENT.format(python=base, whole=sys.executable, address=str(address), length=LENGTH))
    python.chmod(0o755)
    return python


def _accept(address: str) -> tuple[list[str], str, dict[str, str]]:
    """Serve until nobody holds the other end of stdin; in a job's fork: what `_attend` has been told."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        print("ready", flush=True)
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            line, _ = listener.accept()
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _attend(line)
            line.close()
    sys.exit()


def _attend(line: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    """Fork the job, say its number and how it ended; in the job: its arguments, folder and environment."""
    length, streams, _, _ = socket.recv_fds(line, LENGTH, 3)
    with line.makefile("rb") as text:
        order = json.loads(text.read(int.from_bytes(length, "big")))
    job = os.fork()
    if not job:
        line.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        return order
    line.sendall(job.to_bytes(LENGTH, "big"))
    for stream in streams:
        os.close(stream)
    line.sendall(os.waitpid(job, 0)[1].to_bytes(LENGTH, "big"))
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], path: list[str], python: Path) -> None:
    """Run a script or a module as a new interpreter would, and end the process."""
    import torch

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", os.cpu_count())))
    given = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    if arguments[0] == "-m":
        sys.executable = str(python)  # jobs are started with this one
        sys.argv, sys.path = arguments[1:], [folder, *given, *path]
        _end(lambda: runpy.run_module(arguments[1], run_name="__main__", alter_sys=True))
    else:
        sys.argv, sys.path = arguments, [os.path.dirname(os.path.abspath(arguments[0])), *given, *path]
        _end(lambda: runpy.run_path(arguments[0], run_name="__main__"))


def _end(program: Callable[[], object]) -> None:
    """Run a program and end as the interpreter does, all but taking apart what was imported, which takes seconds."""
    code: object = 0
    try:
        program()
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # forks leave these objects, and the memory that they lie in, alone
    _become(*_accept(sys.argv[1]), path=sys.path[1:], python=Path(sys.argv[1]).with_name("python"))
