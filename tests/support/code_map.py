"""The map of the code, read from the tree: a name and a purpose for every module, script and rule file.

`python -m tests.support.code_map` writes it into README.md and docs/map.md, and the names into README.zh-CN.md. What
the Chinese pages say of a package or a module is written by hand.
"""

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
LIBRARY = PROJECT / "p2w"
BUILDER = LIBRARY / "pocket" / "builder"  # how the pocket base model was made; not installed


def purpose(path: Path) -> str:
    """The first sentence of a module's docstring, or of the comment that a file of rules begins with."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    else:
        lines = text.splitlines()
        first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
        text = " ".join(line.lstrip("# ") for line in lines[:first])
    sentence = re.match(r"(?s)(.+?)([.]\s|[.]?$)", re.split(r"\n\s*\n", text)[0])
    assert sentence, f"{path}: found no docstring, expected one that says what it is for"
    return " ".join(sentence[1].split())


def packages() -> dict[str, list[Path]]:
    """Every package of the library to its modules, by name."""
    folders = [path.parent for path in sorted(LIBRARY.rglob("__init__.py")) if path.parent not in (LIBRARY, BUILDER)]
    return {folder.relative_to(LIBRARY).as_posix(): modules(folder) for folder in folders}


def folders() -> dict[str, list[Path]]:
    """All that the map shows: the library, its packages, and what is not the library, rules and scripts."""
    return {
        "p2w": modules(LIBRARY),
        **{f"p2w/{name}": paths for name, paths in packages().items()},
        "rules": sorted((PROJECT / "rules").glob("*.smk")),
        "workflow/scripts": modules(PROJECT / "workflow" / "scripts"),
    }


def modules(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]


def row(name: str, paths: list[Path]) -> str:
    """The beginning of a package's row in the tables: its name and those of its modules."""
    return f"| `{name}` | {', '.join(f'`{path.stem}`' for path in paths)} |"


def package_table() -> str:
    """The README's table: a package, its modules, its purpose."""
    rows = [f"{row(name, paths)} {purpose(LIBRARY / name / '__init__.py')} |" for name, paths in packages().items()]
    return "\n".join(["| package | modules | what it knows |", "|---|---|---|", *rows])


def module_list() -> str:
    """The map: a line for every file, a heading for every folder."""
    blocks = []
    for folder, paths in folders().items():
        head = PROJECT / folder / "__init__.py"
        says = [purpose(head) + ".", ""] if head.exists() else []
        lines = [f"- `{folder}/{path.name}` — {purpose(path)}" for path in paths]
        blocks.append("\n".join([f"## {folder}", "", *says, *lines]))
    return "\n\n".join(blocks)


def put(text: str, name: str, content: str) -> str:
    """`text` with `content` between its marks `<!-- {name}: … -->` and `<!-- end of {name} -->`."""
    begin, end = re.search(rf"<!-- {name}: .*-->\n", text), text.index(f"<!-- end of {name} -->")
    assert begin, f"found no mark for {name}"
    return f"{text[: begin.end()]}\n{content}\n\n{text[end:]}"


if __name__ == "__main__":
    for file, name, content in (("README.md", "packages", package_table()), ("docs/map.md", "map", module_list())):
        document = PROJECT / file
        document.write_text(put(document.read_text(encoding="utf-8"), name, content), encoding="utf-8")
    chinese = PROJECT / "README.zh-CN.md"
    text = chinese.read_text(encoding="utf-8")
    for name, paths in packages().items():
        text = re.sub(rf"(?m)^[|] `{name}` [|] .+? [|]", row(name, paths), text)
    chinese.write_text(text, encoding="utf-8")
