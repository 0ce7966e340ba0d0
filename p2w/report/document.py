"""Parts of a markdown text, and the whole of one as a self-contained HTML page."""

import base64
import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from markdown_it import MarkdownIt

WIDEST = 10  # columns of a table before it is turned on its side

STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 75em; margin: 2em auto; padding: 0 1.5em }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px; font-variant-numeric: tabular-nums }
table { display: block; overflow-x: auto }
th, td { border-bottom: 1px solid #ddd; padding: .3em .7em; text-align: left }
td:first-child, td[style] { white-space: nowrap }
thead th { border-bottom: 2px solid #888 }
code { background: #f2f2f2; padding: 0 .2em; font-size: 92% }
img { max-width: 100% }"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: bool = False) -> str:
    """A table whose first column names the rows. `words`: the other columns hold words, not numbers."""
    marks = ["---", *["---" if words else "---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))


def grid(corner: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A table of named rows and columns, on its side when it would be wider than a page."""
    if len(columns) > WIDEST:
        return table((corner, *rows), zip(columns, *rows.values(), strict=True))
    return table((corner, *columns), ((name, *cells) for name, cells in rows.items()))


def bullets(items: Iterable[str]) -> str:
    """A list of sentences."""
    return "\n".join(f"- {item}" for item in items)


def image(path: Path, folder: Path) -> str:
    """An image, as a link from a text in `folder`."""
    return f"![{path.stem}]({Path(os.path.relpath(path, folder)).as_posix()})"


def to_html(text: str, title: str, folder: Path) -> str:
    """A markdown text of `folder` as one page that loads nothing: style and images are inside."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token in (child for block in tokens for child in block.children or () if child.type == "image"):
        data = base64.b64encode((folder / str(token.attrs["src"])).read_bytes()).decode()
        token.attrs["src"] = f"data:image/png;base64,{data}"
    body = markdown.renderer.render(tokens, markdown.options, {})
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f"<style>\n{STYLE}\n</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
