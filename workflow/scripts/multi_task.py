"""Train one adapter on all training tasks, on a single task's budget or a longer one: the multi-task control."""

from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command, paired
from p2w.config.base_model import BaseModel
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.config.settings import json_argument
from p2w.data.samples import read_samples
from p2w.finetuning.multi_task import train_multi_task
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
    parser.add_argument(
        "--epochs", type=at_least(1), help="as many as a single task's adapter gets; else until max_samples were seen"
    )
    parser.add_argument("--tasks", nargs="+", required=True, help="the training tasks, in the order of the files")
    parser.add_argument("--samples", nargs="+", type=Path, required=True, help="their labeled samples")
    parser.add_argument("--output", type=Path, required=True, help="the adapter_model.safetensors to write")
    parser.add_argument("--state", type=Path, help="file that an interrupted run goes on from")
    args = parser.parse_args()
    config = {name: getattr(args, name).to_json() for name in ("base_model", "lora", "finetune")}
    inputs = [*args.base_model.files, *args.samples]
    train_multi_task(
        args.base_model,
        args.lora,
        args.finetune,
        args.seed,
        {task: read_samples(path) for task, path in paired("--tasks", args.tasks, "--samples", args.samples).items()},
        args.epochs,
        args.output.parent,
        device=best_device(),
        record=provenance("multi_task", {**config, "epochs": args.epochs}, inputs, args.seed),
        report=reporter("steps"),
        state=args.state,
    )
