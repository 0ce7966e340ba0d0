"""How all figures look: colours for colour-blind readers, a marker besides every colour, the same bytes every time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from p2w.config.generator import KINDS
from p2w.evaluation.source_names import CEILINGS, METHOD, NO_DECODER, OTHER_PROMPTS
from p2w.runtime.files import atomic_path

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color, without the yellow, which is too light for thin lines.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")  # fmt: skip
GREY = "#777777"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, GREY)
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
MARKERS = "os^DvPX*<>hp"

SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "p2w",
}
DPI = 150


def source_style(source: str) -> dict[str, object]:
    """Colour, marker and filling of a source, the same in every figure: filled is a generator, hollow a control."""
    kinds = (
        ((METHOD,), VERMILION, "o", True),
        (KINDS, PURPLE, "P", True),
        (OTHER_PROMPTS, VERMILION, "o", False),
        (NO_DECODER, BLUE, "s", False),
        (CEILINGS, GREEN, "^", False),
        (("base",), BLACK, "D", False),
    )
    for names, colour, marker, filled in kinds:
        if source in names:
            return {"color": colour, "marker": marker, "markerfacecolor": colour if filled else "white"}
    return {"color": GREY, "marker": "v", "markerfacecolor": "white"}


def line_style(number: int) -> dict[str, object]:
    """Colour, dashes and marker of line number `number` in a panel; the first 8 differ in colour and in marker."""
    return {
        "color": CYCLE[number % len(CYCLE)],
        "linestyle": DASHES[number % len(DASHES)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 4.5,
    }


def legend_columns(labels: Sequence[str], width: float) -> int:
    """How many columns of a legend in 8 point letters fit into so many inches."""
    return max(1, min(len(labels), int(width / (0.55 + 0.068 * max(map(len, labels))))))


@contextmanager
def drawing(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches, written to `path` as PNG at the end; no date and no version inside."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(width, height), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
