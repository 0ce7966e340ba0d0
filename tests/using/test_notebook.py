"""The notebook runs from top to bottom, and says what stands in it."""

import ast
import contextlib
import io
import json
from pathlib import Path

import pytest

NOTEBOOK = Path("examples/adapter.ipynb")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_every_cell_says_what_the_notebook_shows(tmp_path, monkeypatch):
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 3
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in cells:
        assert said("".join(cell["source"]), names) == shown(cell)


def said(code, names):
    """What a cell prints, and then its last line's value, as a notebook does."""
    tree, text = ast.parse(code), io.StringIO()
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(text):
        exec(compile(tree, NOTEBOOK.name, "exec"), names)
        value = eval(compile(last, NOTEBOOK.name, "eval"), names) if last else None
    return text.getvalue() + ("" if value is None else repr(value))


def shown(cell):
    """What a cell's outputs say."""
    return "".join("".join(output.get("text") or output["data"]["text/plain"]) for output in cell["outputs"])
