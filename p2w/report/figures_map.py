"""The map of adapters: where the generated ones lie among those that were trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from p2w.config.generator import KINDS as GENERATORS
from p2w.report.figure_style import CYCLE, GREY, MARKERS, drawing, legend_columns
from p2w.report.weight_map import adapter_plane

TRAINED = "trained"
KINDS = {
    TRAINED: "trained on the task",
    "generated": "generated",
    "generated/shuffled_prompts": "shuffled prompts",
    "generated/foreign_prompts": "foreign prompts",
    "generated/random_prompts": "random prompts",
    "constant": "constant",
    "weight_average": "weight average",
    "multi_task": "multi-task",
    **{kind: kind for kind in GENERATORS},
}

# Many of these lie in one place, whatever the task.
UNNUMBERED = ("weight_average", "multi_task")

WIDTH = 10.6  # inches

Point = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """An adapter on the map: `kind` of `KINDS`, the task that it is for, its folder."""

    kind: str
    task: str
    folder: Path


def map_figure(places: Sequence[Place], path: Path) -> None:
    """The two principal axes of ΔW over all adapters, three or more; colour and number are the task, the marker the
    kind. ValueError on fewer, or on an unknown kind."""
    unknown = {place.kind for place in places} - set(KINDS)
    if unknown or len(places) < 3:
        raise ValueError(f"{path}: found {len(places)} adapters, unknown kinds {sorted(unknown)}; expected 3 or more")
    coordinates, shares = adapter_plane([place.folder for place in places])
    points = [(x, y) for x, y in coordinates.tolist()]
    tasks = list(dict.fromkeys(place.task for place in places))
    with drawing(path, WIDTH, 5.7 + 0.17 * -(-len(tasks) // legend_columns(_labels(tasks), WIDTH))) as figure:
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            _scatter(axes, places, points, tasks)
            axes.set_xlabel(f"first axis, {shares[0]:.0%} of the variance")
            axes.set_box_aspect(1)  # of squares, so that distances are the same both ways
            _limit(axes, points)
        left.set_ylabel(f"second axis, {shares[1]:.0%} of the variance")
        left.set_title("All adapters", loc="left")
        _zoom(right, places, points)
        _legends(figure, [kind for kind in KINDS if any(place.kind == kind for place in places)], tasks)
        figure.draw_without_rendering()  # from here on it is known where things are
        _frame(left, right)
        outside = [number for number, point in enumerate(points) if not _shows(right, point)]
        for axes, shown in ((left, outside), (right, range(len(points)))):
            _number(axes, [places[n] for n in shown], [points[n] for n in shown], tasks)


def _style(kind: str, colour: str) -> dict[str, object]:
    filled = kind in (TRAINED, "generated", *GENERATORS)
    return {
        "marker": MARKERS[list(KINDS).index(kind)],
        "markersize": 9 if kind == TRAINED else 6.5,
        "markeredgecolor": "black" if kind == TRAINED else colour,
        "markerfacecolor": colour if filled else "none",
        "linestyle": "",
    }


def _scatter(axes: Axes, places: Sequence[Place], points: Sequence[Point], tasks: Sequence[str]) -> None:
    for place, (x, y) in zip(places, points, strict=True):
        axes.plot([x], [y], **_style(place.kind, CYCLE[tasks.index(place.task) % len(CYCLE)]))


def _zoom(axes: Axes, places: Sequence[Place], points: Sequence[Point]) -> None:
    """Limit the panel to the trained adapters or to the others, whichever need less room."""
    titles = ("Around the trained adapters", "Around the adapters that were not trained on one task")
    groups = {title: [] for title in titles}
    for place, point in zip(places, points, strict=True):
        groups[titles[place.kind != TRAINED]].append(point)
    title = min((title for title in titles if groups[title]), key=lambda title: _square(groups[title])[1])
    axes.set_title(title, loc="left")
    _limit(axes, groups[title])


def _square(points: Sequence[Point]) -> tuple[Point, float]:
    """Centre and half the side of a square with room for the points."""
    xs, ys = zip(*points, strict=True)
    side = max(max(xs) - min(xs), max(ys) - min(ys)) or 1e-6
    return ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2), 0.58 * side


def _limit(axes: Axes, points: Sequence[Point]) -> None:
    (x, y), half = _square(points)
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y - half, y + half)


def _frame(axes: Axes, zoomed: Axes) -> None:
    """Where the other panel is in this one."""
    (left, right), (bottom, top) = zoomed.get_xlim(), zoomed.get_ylim()
    corners = {"width": right - left, "height": top - bottom}
    axes.add_patch(Rectangle((left, bottom), **corners, fill=False, edgecolor=GREY, linewidth=0.8))


def _shows(axes: Axes, point: Point) -> bool:
    """Whether the point lies in the panel, not at its very edge."""
    x, y = axes.transAxes.inverted().transform(axes.transData.transform(point))
    return 0.01 < x < 0.99 and 0.01 < y < 0.99


def _number(axes: Axes, places: Sequence[Place], points: Sequence[Point], tasks: Sequence[str]) -> None:
    """The task's number beside the first adapter of each kind; one label where several would lie on each other."""
    labels: list[tuple[Point, Point, list[int]]] = []
    seen = {(place.kind, place.task) for place in places if place.kind in UNNUMBERED}
    for place, point in zip(places, points, strict=True):
        x, y = axes.transData.transform(point)
        if (place.kind, place.task) in seen or not _shows(axes, point):
            continue
        seen.add((place.kind, place.task))
        number = tasks.index(place.task) + 1
        near = next((label for label in labels if abs(label[0][0] - x) < 70 and abs(label[0][1] - y) < 24), None)
        if near is None:
            labels.append(((x, y), point, [number]))
        elif number not in near[2]:
            near[2].append(number)
    halo = [withStroke(linewidth=2, foreground="white")]
    for _, point, numbers in labels:
        text = ", ".join(map(str, sorted(numbers)))
        axes.annotate(text, point, (6, 4), textcoords="offset points", fontsize=8, path_effects=halo)


def _legends(figure: Figure, kinds: Sequence[str], tasks: Sequence[str]) -> None:
    marks = [Line2D([], [], label=KINDS[kind], **_style(kind, "black")) for kind in kinds]
    labels = _labels(tasks)
    names = [
        Line2D([], [], linestyle="", marker="o", color=CYCLE[n % len(CYCLE)], label=label)
        for n, label in enumerate(labels)
    ]
    first = figure.legend(handles=marks, loc="outside upper center", ncols=len(marks), fontsize=8)
    figure.add_artist(first)
    figure.legend(handles=names, loc="outside lower center", ncols=legend_columns(labels, WIDTH), fontsize=8)


def _labels(tasks: Sequence[str]) -> list[str]:
    return [f"{number} {task}" for number, task in enumerate(tasks, 1)]
