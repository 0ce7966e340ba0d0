"""Nasty programs: each would pass if it did its harm; each is wrong, in bounded time, and nothing is harmed.

Each is bounded by itself too, so that a guard that fails costs a test and not the machine.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from p2w.evaluation.scores import sandbox
from p2w.evaluation.scores.sandbox import Limits, Outcome, run_program
from tests.support.programs import need_sandbox, ordinary_user

LIMITS = Limits(seconds=3, cpu_seconds=2)
BOUND = 20  # seconds for each, on a busy machine
RIGHT, WRONG = Outcome(True, True), Outcome(True, False)
# An ordinary user has other guards; that they hold is seen in the long tests.
ORDINARY = pytest.param("ordinary user", marks=pytest.mark.long)
USERS = ["this user", ORDINARY] if os.geteuid() == 0 else ["this user"]

HARM = {
    "delete a file": "import os\nos.remove('{folder}/file')",
    "write to a file": "open('{folder}/file', 'w').write('harm')",
    "make a file": "open('{folder}/other', 'w').write('harm')",
    "make the folder anew": "import os\nos.makedirs('{folder}', exist_ok=True)\nassert os.listdir('{folder}')",
    "read a secret": "assert open('{folder}/secret').read() == 'secret'",
    "end a process": "import os, signal\nos.kill({process}, signal.SIGKILL)",
    "call a server": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2).sendall(b'harm')",
    "call a server in the file system": "import socket\nsocket.socket(socket.AF_UNIX).connect('{folder}/socket')",
}
OTHER = {
    "endless loop": "import time\nend = time.time() + 60\nwhile time.time() < end: pass",
    "endless sleep": "import time\ntime.sleep(60)",
    "endless output": "import time\nend = time.time() + 60\nwhile time.time() < end: print('x' * 10**5)",
    "endless output to what it was given": "import os, time\nend = time.time() + 60\n"
    "while time.time() < end:\n    for fd in range(10):\n"
    "        try: os.write(fd, b'x' * 10**5)\n        except OSError: pass",
    "some hundred processes": "import os, time\nfor _ in range(300):\n"
    "    if os.fork() == 0:\n        time.sleep(15)\n        os._exit(0)",
    "threads": "import threading, time\nfor _ in range(300): threading.Thread(target=time.sleep, args=(15,)).start()",
    "10 GB": "import mmap\nprivate_and_not_reserved = 0x4022\nmmap.mmap(-1, 10**10, flags=private_and_not_reserved)",
    "1 GB, written": "x = bytearray(10**9)",
    "a file in memory": "import os\nfile = os.memfd_create('x')\nfor _ in range(50): os.write(file, bytes(10**6))",
    "a large file": "with open('big', 'wb') as file:\n    for _ in range(200): file.write(bytes(10**6))",
    "many files": "for name in range(200):\n    with open(str(name), 'wb') as file: file.write(bytes(10**6))",
    "more open files": "files = [open('/dev/null') for _ in range(1000)]",
    "early exit": "import os\nos._exit(0)",
    "exit": "raise SystemExit(0)",
    "exit at the first comparison": "import os\nclass X(int):\n    def __eq__(self, other): os._exit(0)\n"
    "assert X() == 1",
    "closed files": "import os\nos.closerange(0, 64)",
    "says that it passed": "import os, sys\nprint('ready\\ncompiled\\npassed')\nos.write(3, b'passed\\n')\nos._exit(0)",
    "kills its supervisor": "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)",
    "stops its supervisor": "import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(60)",
    "kills its group": "import os, signal\nos.killpg(0, signal.SIGKILL)",
    "crash": "import ctypes\nctypes.string_at(0)",
    "new name spaces": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "a mount": "import ctypes\nassert ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, None) == 0",
    "another user": "import os\nos.setuid(0)",
    "out of the root": "import os\nos.chroot('.')",
    "the interpreter's files": "import os\nassert not os.statvfs(os.__file__).f_flag & os.ST_RDONLY",
    "processes of others": "import os\nassert len(os.listdir('/proc')) > 0",
}


@pytest.fixture(params=USERS)
def user(request, monkeypatch):
    """Who runs P2W."""
    need_sandbox()
    if request.param == "this user":
        yield os.geteuid()
        return
    with ordinary_user(monkeypatch) as somebody:
        yield somebody


@pytest.fixture
def place(user):
    """A file, a secret, a socket, a process and a server of the user, by their names in the programs."""
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as server:
        folder = Path(name)
        (folder / "file").write_text("kept")
        (folder / "secret").write_text("secret")
        (folder / "secret").chmod(0o600)
        with socket.socket(socket.AF_UNIX) as inside:
            inside.bind(f"{name}/socket")
            inside.listen()
            inside.setblocking(False)
            for path in (folder, *folder.iterdir()):
                os.chown(path, user, -1)
            server.setblocking(False)
            victim = subprocess.Popen(["sleep", str(BOUND)], user=user)
            yield {"folder": name, "port": server.getsockname()[1], "process": victim.pid,
                   "servers": (server, inside), "victim": victim}  # fmt: skip
            victim.kill()
            victim.wait()


def contents(place) -> dict[str, str]:
    return {path.name: path.read_text() for path in Path(place["folder"]).iterdir() if not path.is_socket()}


def timed(program: str) -> Outcome:
    before = time.monotonic()
    outcome = run_program(program, "", LIMITS)
    assert time.monotonic() - before < BOUND
    return outcome


@pytest.mark.parametrize("harm", HARM)
def test_nothing_outside_is_reached(harm, place):
    assert timed(HARM[harm].format(**place)) == WRONG
    assert contents(place) == {"file": "kept", "secret": "secret"}
    assert place["victim"].poll() is None
    for server in place["servers"]:
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("user", ["this user"], indirect=True)
@pytest.mark.parametrize("harm", HARM)
def test_each_of_these_does_its_harm_where_nothing_holds_it(harm, place):
    subprocess.run([sys.executable, "-c", HARM[harm].format(**place)], check=True, timeout=BOUND)


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.usefixtures("user")
def test_wrong_in_bounded_time(name):
    assert timed(OTHER[name]) == WRONG


@pytest.mark.usefixtures("user")
def test_a_daemon_does_not_outlive_its_program():
    mark = f"daemon-{uuid.uuid4().hex}"
    daemon = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        f"        os.execv('/usr/bin/sleep', ['{mark}', '30'])\n    os._exit(0)\ntime.sleep(2)"
    )
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run_program, daemon, "", LIMITS)
        seen = False
        while not running.done():
            seen = seen or alive(mark)
            time.sleep(0.05)
    assert (running.result(), seen, alive(mark)) == (RIGHT, True, False)


def alive(mark: str) -> bool:
    return any(mark.encode() in read(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.usefixtures("user")
def test_what_answers_need_is_there():
    program = "import tempfile, threading, random, collections, decimal, hashlib, re, sqlite3, ssl\n"
    program += "with tempfile.TemporaryFile() as file: file.write(bytes(10**6))\n"
    program += "thread = threading.Thread(target=len, args=('',))\nthread.start()\nthread.join()\nprint('x')"
    assert run_program(program, "assert re.match('x', 'x')") == RIGHT


@pytest.mark.usefixtures("user")
def test_sets_have_the_same_order_in_every_run():
    command = [sys.executable, "-c", "print(hash('a'))"]
    expected = subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True).stdout
    assert run_program("", f"assert hash('a') == {expected}") == RIGHT


def test_where_nothing_can_be_kept_apart_nothing_is_run(monkeypatch, tmp_path):
    script = tmp_path / "confined.py"
    script.write_text("raise OSError('unshare: Operation not permitted')")
    monkeypatch.setattr(sandbox, "CONFINED", script)
    with pytest.raises(RuntimeError, match=r"cannot be run apart .* unshare: Operation not permitted") as raised:
        run_program("", "")
    assert "\n" not in str(raised.value)
