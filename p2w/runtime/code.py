"""Which source files a script runs: its own and every p2w module it imports, directly or not.

Standard library only: the workflow calls this while it is parsed.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "p2w"


@cache
def code_files(script: str) -> tuple[str, ...]:
    """Sorted relative paths of `script` and of the p2w modules in its import closure (imports inside functions too)."""
    found: set[str] = set()
    queue = [script]
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue.extend(_imported_files(path))
    return tuple(sorted(found))


def code_hash(files: tuple[str, ...]) -> str:
    """One sha256 over the names and contents of `files`, in order."""
    digest = hashlib.sha256()
    for name in files:
        digest.update(name.encode() + b"\0" + Path(name).read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _imported_files(path: str) -> tuple[str, ...]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), filename=path)
    relative = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    if relative:
        raise ValueError(f"{path}, line {relative[0].lineno}: found a relative import, expected the whole module name")
    return tuple(file for name in _imported_names(tree) for file in _files_of(name))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(name: str) -> Iterator[str]:
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return
    for depth in range(1, len(parts) + 1):
        base = Path(*parts[:depth])
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                yield candidate.as_posix()
