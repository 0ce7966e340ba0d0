"""Score the base model and any number of adapters on the test rows of a held-out task."""

from pathlib import Path
from typing import Any

from p2w.runtime.cli import Parser, at_least, command, paired
from p2w.config.base_model import BaseModel
from p2w.config.evaluation import EvaluationConfig
from p2w.config.settings import json_argument
from p2w.evaluation.evaluate import evaluate


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write evaluation and predictions."""
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--held-out", required=True)
    parser.add_argument("--base-model", type=json_argument(BaseModel), required=True, help="the base model, as JSON")
    parser.add_argument("--evaluation", type=json_argument(EvaluationConfig), required=True, help="settings, as JSON")
    parser.add_argument("--seed", type=at_least(0), required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--sources", nargs="+", required=True, help="a name for each adapter, in order")
    parser.add_argument("--adapters", nargs="+", type=Path, required=True)
    parser.add_argument("--seen-tasks", nargs="+", required=True, help="the training tasks and the held-out one")
    parser.add_argument("--seen-samples", nargs="+", type=Path, required=True, help="their train splits, in order")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument(
        "--free", type=json_argument(dict[str, Any]), help="of a freely answered task: score and length"
    )
    parser.add_argument("--state", type=Path, help="file that an interrupted run goes on from")
    args = parser.parse_args()
    evaluate(
        experiment=args.experiment,
        held_out=args.held_out,
        base=args.base_model,
        config=args.evaluation,
        seed=args.seed,
        samples_path=args.samples,
        adapters=paired("--sources", args.sources, "--adapters", [path.parent for path in args.adapters]),
        prompt_samples=paired("--seen-tasks", args.seen_tasks, "--seen-samples", args.seen_samples),
        output=args.output,
        predictions_path=args.predictions,
        state=args.state,
        free=args.free,
    )
