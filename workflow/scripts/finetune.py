"""Train one epoch of a task's adapter, from the start or from where the epoch before it ended."""

from pathlib import Path

from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.config.settings import json_argument
from p2w.data.samples import read_samples
from p2w.finetuning.finetune import train_epoch
from p2w.finetuning.training import Training
from p2w.runtime.cli import Parser, at_least, command
from p2w.runtime.device import best_device
from p2w.runtime.progress import reporter
from p2w.runtime.provenance import provenance


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and train."""
    parser.add_argument("--base-model", type=json_argument(BaseModel), required=True, help="the base model, as JSON")
    parser.add_argument("--lora", type=json_argument(LoraSettings), required=True, help="the adapter's shape, as JSON")
    parser.add_argument("--finetune", type=json_argument(FinetuneConfig), required=True, help="the training, as JSON")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--epoch", type=at_least(1), required=True, help="counted from 1")
    parser.add_argument("--previous", type=Path, nargs="*", default=[], help="files of the epoch before; none for 1")
    parser.add_argument("--output", type=Path, required=True, help="the adapter_model.safetensors to write")
    parser.add_argument("--state", type=Path, help="file that an interrupted run goes on from")
    args = parser.parse_args()
    config = {name: getattr(args, name).to_json() for name in ("base_model", "lora", "finetune")}
    inputs = [*args.base_model.files, args.samples, *args.previous]
    record = provenance("finetune", {**config, "epoch": args.epoch}, inputs, args.seed)
    recipe, samples = (args.base_model, args.lora, args.finetune, args.seed), read_samples(args.samples)
    training = Training(*recipe, args.task, samples, best_device())
    previous = args.previous[0].parent if args.previous else None
    options = {"record": record, "report": reporter("steps"), "state": args.state}
    train_epoch(training, args.epoch, previous, args.output.parent, **options)
