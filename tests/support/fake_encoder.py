"""An encoder without a model."""

import numpy as np

DIM = 5


class FakeEncoder:
    """One state per word: its length in each of DIM positions, scaled; counts what it is asked."""

    def __init__(self):
        self.seen = []

    def __call__(self, texts):
        self.seen += texts
        return [
            np.array([[len(word) * (d + 1) for d in range(DIM)] for word in text.split()], np.float16) for text in texts
        ]
