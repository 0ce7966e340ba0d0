"""Train epochs of a task's adapter, or of many tasks' one after the other, from the start or from the epoch before."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command, paired
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.config.settings import json_argument
from p2w.finetuning.epochs import Trainer, places_of


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and train."""
    parser.add_argument("--base-model", type=json_argument(BaseModel), required=True, help="the base model, as JSON")
    parser.add_argument("--lora", type=json_argument(LoraSettings), required=True, help="the adapter's shape, as JSON")
    parser.add_argument("--finetune", type=json_argument(FinetuneConfig), required=True, help="the training, as JSON")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--task", nargs="+", required=True, help="one, or several to be trained one after the other")
    parser.add_argument("--samples", type=Path, nargs="+", required=True, help="theirs, in the order of the tasks")
    parser.add_argument("--epoch", type=at_least(1), nargs="+", required=True, help="in a row, counted from 1")
    parser.add_argument("--previous", type=Path, nargs="*", default=[], help="files of the epoch before; none for 1")
    parser.add_argument(
        "--output", type=Path, nargs="+", required=True, help="adapter_model.safetensors of each task's epochs"
    )
    parser.add_argument(
        "--state", type=Path, nargs="*", default=[], help="for each output what an interrupted run goes on from"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave outputs that were made from the same as they are, and train the rest"
    )
    args = parser.parse_args()
    samples = paired("--task", args.task, "--samples", args.samples)
    places = places_of(samples, args.epoch, args.output, args.state, args.previous)
    Trainer(args.base_model, args.lora, args.finetune, args.seed).train(places, args.keep)
