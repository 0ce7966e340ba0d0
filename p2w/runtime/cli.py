"""What all commands share: a quick start, configuration by value, and errors as one readable line."""

import argparse
import atexit
import errno
import gc
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

from p2w.runtime.heap import keep_freed_memory

T = TypeVar("T")
Name = TypeVar("Name", str, int, tuple[int, str])
Main = Callable[[Sequence[str] | None], None]

# The libraries that a command imports are a million objects that stay. Looking for garbage among them again and again
# takes a tenth of its start, and once more at the end another tenth; so it is done rarely, and this is imported first.
gc.set_threshold(100_000)
atexit.register(gc.freeze)
keep_freed_memory()

EXPECTED = (ValueError, OSError, ArithmeticError)
HINTS = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some space and run again",
    errno.EFBIG: "larger files are not allowed here",
    errno.EACCES: "check its permissions",
    errno.EROFS: "choose a folder that can be written to",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a part of the path is a file, expected a folder",
    errno.EEXIST: "a part of the path is a file, expected a folder",
    errno.EISDIR: "expected a file",
}


class Parser(argparse.ArgumentParser):
    """A parser of command lines whose errors are one line; options are written out, and `--log` is one of them."""

    def __init__(self, argv: Sequence[str] | None = None, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._argv = sys.argv[1:] if argv is None else list(argv)
        self.add_argument("--log", metavar="FILE", help="takes down what is said on the way, too")

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> argparse.Namespace:
        """As ever; from here on, the log has what is written to stdout and stderr."""
        given = self._argv if args is None else list(args)
        if "--log" in given[:-1]:
            sys.stdout, sys.stderr = _logged(Path(given[given.index("--log") + 1]))
        return super().parse_args(given, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with 2."""
        self.exit(2, f"error: {self.prog}: {_one_line(message)}; see {self.prog} --help\n")


class _Both(io.TextIOBase):
    """A stream whose lines stand in a file too."""

    def __init__(self, stream: TextIO, file: TextIO) -> None:
        self._stream, self._file = stream, file

    def write(self, text: str) -> int:
        """Write to both; the file first, for whoever reads the stream may be gone."""
        self._file.write(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Flush both."""
        self._file.flush()
        self._stream.flush()

    def fileno(self) -> int:
        """The stream's."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """No: the file takes no colours."""
        return False


def _logged(path: Path) -> tuple[TextIO, TextIO]:
    """stdout and stderr that are taken down; processes that torchrun started share the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first = os.environ.get("RANK", "0") == "0"
    file = open(path, "w" if first else "a", encoding="utf-8", buffering=1)  # noqa: SIM115 (until the process ends)
    return _Both(sys.stdout, file), _Both(sys.stderr, file)


def command(description: str | None, **options: Any) -> Callable[[Callable[[Parser], None]], Main]:
    """Decorates what gives a parser its options, reads them and works: it becomes a function of the command line.

    Without one it takes the process's. A script that is started runs its command.
    """

    def decorated(work: Callable[[Parser], None]) -> Main:
        def main(argv: Sequence[str] | None = None) -> None:
            work(Parser(argv, description=description, **options))

        if work.__module__ == "__main__":
            run(main)
        return main

    return decorated


def run(main: Main, argv: Sequence[str] | None = None) -> None:
    """Run a command; on an error exit with 1 and one line on stderr. P2W_DEBUG=1 shows the traceback.

    An expected error says what to do; any other is a mistake of P2W and says so. Ctrl-C exits with 130.
    """
    try:
        main(argv)
    except KeyboardInterrupt:
        print("stopped by SIGINT: run the same command again", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        if os.environ.get("P2W_DEBUG"):
            raise
        print(_describe(error), file=sys.stderr)
        sys.exit(1)


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and error.filename is not None:
        hint = f"; {HINTS[error.errno]}" if error.errno in HINTS else ""
        return _one_line(f"error: {os.fsdecode(error.filename)}: {error.strerror}{hint}")
    # A UnicodeError is a ValueError too, but never one that we raise.
    if isinstance(error, EXPECTED) and not isinstance(error, UnicodeError):
        return _one_line(f"error: {error}")
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    kind = f"{type(error).__name__}: {error}"
    return _one_line(f"internal error, a mistake in P2W: {kind} ({place}); run again with P2W_DEBUG=1 and report it")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def at_least(least: int) -> Callable[[str], int]:
    """Type of an argument that is an integer of `least` or more."""

    def convert(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,19}", text) or not least <= int(text) < 2**63:
            raise argparse.ArgumentTypeError(f"found {text!r}, expected an integer of at least {least}")
        return int(text)

    return convert


def paired(names_option: str, names: Sequence[Name], values_option: str, values: Sequence[T]) -> dict[Name, T]:
    """Name to value, in order; ValueError unless there are as many of each and every name is there once."""
    if len(names) != len(values):
        raise ValueError(f"{values_option}: found {len(values)}, expected {len(names)}, one for each of {names_option}")
    if repeated := sorted({name for name in names if list(names).count(name) > 1}):
        raise ValueError(f"{names_option}: found {repeated[0]!r} more than once, expected distinct names")
    return dict(zip(names, values, strict=True))


def divided(
    names_option: str, names: Sequence[Name], values_option: str, values: Sequence[T]
) -> dict[Name, Sequence[T]]:
    """Name to its values, in order; ValueError unless there are as many for each and every name is there once."""
    each, left = divmod(len(values), len(names))
    if left:
        raise ValueError(
            f"{values_option}: found {len(values)}, expected as many for each of {len(names)} {names_option}"
        )
    return paired(names_option, names, values_option, [values[n * each : (n + 1) * each] for n in range(len(names))])
