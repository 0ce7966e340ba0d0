"""Prompts through the real MiniLM: sorted by length in batches of so many tokens, against padding to 384.

Prints one line of JSON. `--prompts FILE` reads a JSON list of texts, such as a dataset's own prompts.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measure import claim, flops_peak, in_turns, parser, report, start
from prompts import PaddedEncoder, encoder, encoder_flops, read_prompts

from p2w.prompts.encoder import load_encoder

MAX_LENGTH = 384
PLAIN_BATCH = 128  # prompts, as many as the published condition has


def encode_padded(model: PaddedEncoder, texts: Sequence[str]) -> list[np.ndarray]:
    """Token states of each text."""
    found = []
    for first in range(0, len(texts), PLAIN_BATCH):
        states, real = model(texts[first : first + PLAIN_BATCH])
        found += [state[inside].numpy().astype(np.float16) for state, inside in zip(states, real, strict=True)]
    return found


def largest_difference(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
    """Of values, or relative to them where they are above 1: half precision has 3 digits."""
    pairs = [(a.astype(np.float32), b.astype(np.float32)) for a, b in zip(one, other, strict=True)]
    return max(float((np.abs(a - b) / np.maximum(np.abs(b), 1)).max()) for a, b in pairs)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parser(__doc__, count=64)
    options.add_argument("--prompts", type=Path)
    args = options.parse_args(argv)
    start(args)
    texts = read_prompts(args.prompts, args.count)
    ours, plain = load_encoder(encoder(MAX_LENGTH)), PaddedEncoder(MAX_LENGTH)
    ways = {"plain": lambda: encode_padded(plain, texts), "ours": lambda: ours.encode(texts)}
    taken, found = in_turns(ways, args.runs)
    lengths = list(map(len, found["ours"]))
    floor = encoder_flops(plain.model, lengths) / flops_peak()
    report(
        "embeddings",
        args,
        [claim("a prompt to its token states, against padding to 384", taken, "ours", "plain", 3, floor / len(texts),
               per=len(texts))],
        prompts_from="a file" if args.prompts else "made up",
        mean_tokens=sum(lengths) / len(lengths),
        largest_difference=largest_difference(found["ours"], found["plain"]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
