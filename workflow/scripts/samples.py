"""Turn a raw table into samples: question, choices, answer, and the exact texts a model sees."""

import json
from pathlib import Path

from p2w.runtime.cli import Parser, at_least, command
from p2w.config.answer_formats import AnswerFormat
from p2w.config.settings import json_argument
from p2w.config.tasks import Task
from p2w.data.defaults import complete
from p2w.data.samples import check_prompts, render_samples, write_samples
from p2w.runtime.provenance import provenance
from p2w.runtime.tables import read_table


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and write the samples."""
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--task-config", type=json_argument(Task), required=True)
    parser.add_argument("--format", type=json_argument(AnswerFormat), help="not for a freely answered task")
    parser.add_argument("--split", required=True, help="P2W's name of the split")
    parser.add_argument("--least-prompts", type=at_least(0), default=0, help="distinct ones, or it is an error")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    raw = read_table(args.raw).to_pandas()
    task, taken = complete(args.task_config, raw.columns)
    answer_format = args.format if task.format else None
    samples = render_samples(args.task, task, answer_format, raw, args.split)
    check_prompts(args.task, samples, args.least_prompts)
    if taken:
        print(f"{args.task}: its rows are questions, so taken: {json.dumps(taken)}")
    form = answer_format and answer_format.to_json()
    config = {"task": args.task, "split": args.split, "entry": task.to_json(), "format": form}
    write_samples(args.output, samples, provenance("samples", config, [args.raw]))
