"""Token states of prompts by sentence-transformers, beside P2W's encoder."""

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from peer import Peer
from prompts import encoder
from sentence_transformers import SentenceTransformer

from p2w.config.base_model import BaseModel
from p2w.prompts.encoder import encoder_folder, load_encoder

MAX_LENGTH = 256


def embeddings(_base: BaseModel, samples: pd.DataFrame, _args: argparse.Namespace) -> Peer:
    """Real prompts, sorted by length by both."""
    texts = samples["prompt"].tolist()
    ours, theirs = load_encoder(encoder(MAX_LENGTH)), SentenceTransformer(str(encoder_folder(encoder(MAX_LENGTH))))
    theirs.max_seq_length = MAX_LENGTH
    ways = {
        "theirs": lambda: theirs.encode(texts, output_value="token_embeddings", show_progress_bar=False),
        "ours": lambda: ours.encode(texts),
    }

    def compare(found: Mapping[str, Any]) -> dict[str, Any]:
        pairs = zip(found["ours"], found["theirs"], strict=True)
        return {"largest_difference_of_states": max(float(np.abs(a - b.numpy()).max()) for a, b in pairs)}

    claims = [("a prompt to its token states, against sentence-transformers", ("ours", "theirs"), 1, len(texts))]
    return Peer(ways, claims, compare)
