"""Bring checkpoints that P2W did not train into the table that the decoder reads.

    python workflow/scripts/import_checkpoints.py --task arc_easy --folder data/ARC-e/checkpoints \\
        --base-model '{"hub": "Qwen/Qwen2.5-0.5B-Instruct", "revision": "COMMIT"}' --lora '{"rank": 8, "alpha": 16}' \\
        --output results/published/checkpoints/arc_easy.parquet

The folder holds one adapter per file (.safetensors, .pt or .bin), in natural order. Only tensors are read from pickled
files: one that wants to run code is refused. Rank and alpha have to be those the adapters were trained with.
"""

import argparse
from pathlib import Path

from p2w.runtime.cli import Parser, command
from p2w.adapters.foreign_checkpoints import checkpoint_files, import_checkpoints
from p2w.config.base_model import BaseModel
from p2w.config.lora import LoraSettings
from p2w.config.settings import json_argument
from p2w.runtime.provenance import provenance


@command(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
def main(parser: Parser) -> None:
    """Parse the command line and write the table."""
    parser.add_argument("--task", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="one adapter per file")
    parser.add_argument("--base-model", type=json_argument(BaseModel), required=True, help="what they adapt, as JSON")
    parser.add_argument("--lora", type=json_argument(LoraSettings), required=True, help="their rank and alpha, as JSON")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    config = {"task": args.task, "base_model": args.base_model.to_json(), "lora": args.lora.to_json()}
    record = provenance("import_checkpoints", config, checkpoint_files(args.folder))
    import_checkpoints(args.folder, args.output, args.task, args.base_model, args.lora, record)
