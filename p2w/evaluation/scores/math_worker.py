"""A script: math-verify on pairs of reference and answer, each in a process that may take only so much."""

import json
import logging
import os
import resource
import sys

SECONDS, BYTES = 10, 2 * 2**30
# By exit status; a process that was ended has compared something without end.
WORDS = ("?", "none", "wrong", "right")


def compare(reference: str, text: str) -> int:
    """Position in WORDS. Without math-verify's own timeouts: no signal interrupts a long multiplication."""
    from math_verify import parse, verify  # a second, for this script alone

    expected = parse(reference, parsing_timeout=None)
    found = parse(text, parsing_timeout=None)
    if not expected or not found:
        return int(bool(expected))
    return 2 + int(verify(expected, found, timeout_seconds=None))


def apart(reference: str, text: str) -> str:
    """`compare` in a process of its own, in a word."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        status = WORDS.index("wrong")
        try:
            status = compare(reference, text)
        finally:
            os._exit(status)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return WORDS[ended] if ended >= 0 else "wrong"


if __name__ == "__main__":
    logging.disable()
    compare(r"$\boxed{\frac{1}{2}}$", r"$\boxed{x^2 + 0.5}$")  # what parsers make at first use, children inherit
    for pair in json.load(sys.stdin):
        sys.stdout.write(f"{apart(*pair)}\n")
