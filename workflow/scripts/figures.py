"""Draw all figures of an experiment."""

from pathlib import Path

from p2w.runtime.cli import Parser, command, paired
from p2w.report.figures import Material, write_figures
from p2w.report.figures_map import Place


@command(__doc__)
def main(parser: Parser) -> None:
    """Parse the command line and draw."""
    parser.add_argument("--evaluations", nargs="+", type=Path, required=True)
    parser.add_argument("--runs", nargs="+", type=Path, required=True, help="run.json of every epoch of every task")
    parser.add_argument("--decoders", nargs="*", default=[], help="a name for each decoder, in order")
    parser.add_argument("--metrics", nargs="*", type=Path, default=[], help="their metrics.csv")
    parser.add_argument("--places", nargs="+", required=True, help="kind:task of each adapter of the map, in order")
    parser.add_argument("--adapters", nargs="+", type=Path, required=True, help="its adapter_model.safetensors")
    parser.add_argument("--benchmarks", nargs="+", type=Path, required=True, help="Snakemake's benchmark files")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write to")
    args = parser.parse_args()
    if len(args.places) != len(args.adapters):
        raise ValueError(f"--adapters: found {len(args.adapters)}, expected {len(args.places)}, one for each place")
    named = [place.partition(":") for place in args.places]
    places = [Place(kind, task, path.parent) for (kind, _, task), path in zip(named, args.adapters, strict=True)]
    metrics = paired("--decoders", args.decoders, "--metrics", args.metrics)
    write_figures(Material(args.evaluations, args.runs, metrics, places, args.benchmarks), args.output)
