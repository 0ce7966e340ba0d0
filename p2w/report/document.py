"""A text of headings, paragraphs, tables and figures, written as markdown or as one self-contained HTML page."""

import base64
import html
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

WIDEST = 10  # columns of a table before it is turned on its side

STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 75em; margin: 2em auto; padding: 0 1.5em }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #ddd; padding: .3em .7em; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
td.text { text-align: left; white-space: normal }
thead th { border-bottom: 2px solid #888 }
code { background: #f2f2f2; padding: 0 .2em; font-size: 92% }
img { max-width: 100% }
div.wide { overflow-x: auto }"""


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; `code` and *emphasis* as in markdown."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the rows. `words`: the other columns hold words, not numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: bool = False


@dataclass(frozen=True)
class Figure:
    """An image and what to look for in it."""

    path: Path
    caption: str


Block = Heading | Text | Bullets | Table | Figure


def grid(corner: str, rows: Sequence[str], columns: Sequence[str], cell: Callable[[str, str], str]) -> Table:
    """A table of cell(row, column), on its side when it would be wider than a page."""
    if len(columns) > WIDEST:
        return Table((corner, *rows), tuple((column, *(cell(row, column) for row in rows)) for column in columns))
    return Table((corner, *columns), tuple((row, *(cell(row, column) for column in columns)) for row in rows))


def to_markdown(blocks: Sequence[Block], folder: Path) -> str:
    """Markdown for a file in `folder`: figures are links from there."""
    return "\n\n".join(_markdown(block, folder) for block in blocks) + "\n"


def _markdown(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Bullets(items):
            return "\n".join(f"- {item}" for item in items)
        case Figure(path, caption):
            return f"![{path.stem}]({Path(os.path.relpath(path, folder)).as_posix()})\n\n{caption}"
        case Table(head, rows, words):
            marks = ["---", *["---" if words else "---:"] * (len(head) - 1)]
            return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))


def to_html(blocks: Sequence[Block], title: str) -> str:
    """One page that loads nothing: style and figures are inside."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f"<style>\n{STYLE}\n</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{_inline(text)}</h{level}>"
        case Text(text):
            return f"<p>{_inline(text)}</p>"
        case Bullets(items):
            return "<ul>\n" + "\n".join(f"<li>{_inline(item)}</li>" for item in items) + "\n</ul>"
        case Figure(path, caption):
            data = base64.b64encode(path.read_bytes()).decode()
            image = f'<img src="data:image/png;base64,{data}" alt="{html.escape(path.stem)}">'
            return f"<figure>{image}<figcaption>{_inline(caption)}</figcaption></figure>"
        case Table(head, rows, words):
            top = "".join(f"<th>{_inline(cell)}</th>" for cell in head)
            tag = '<td class="text">' if words else "<td>"
            lines = [f"<tr><td>{_inline(row[0])}</td>{''.join(_cells(row[1:], tag))}</tr>" for row in rows]
            table = f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>\n</table>"
            return f'<div class="wide">\n{table}\n</div>'


def _cells(cells: Sequence[str], tag: str) -> list[str]:
    return [f"{tag}{_inline(cell)}</td>" for cell in cells]


def _inline(text: str) -> str:
    escaped = html.escape(text, quote=False)
    escaped = re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escaped)
    return re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?!\w)", r"<em>\1</em>", escaped)
