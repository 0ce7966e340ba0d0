"""What of the source can change a stage's result, as one hash: comments, docstrings, formatting and wording cannot.

A stage is a script in `workflow/scripts`, or where there are no scripts a module of p2w; its code is that file and
every p2w module whose names it uses, directly or not. Standard library only: the workflow calls it while it is parsed.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = "p2w"
SCRIPTS = "workflow/scripts"
# How commands are read, watched and recorded: none of it is in what they compute.
PRESENTATION = frozenset(
    f"{PACKAGE}/{name}.py"
    for name in ("__init__", "config/mistakes",
                 *(f"runtime/{name}" for name in ("cli", "code", "explain", "files", "heap", "known_code", "progress",
                                                  "provenance", "records")))
)  # fmt: skip
# Calls that tell somebody something, or say what a command line may hold; what an argument becomes is kept.
WORDS = {"add_argument", "print", "report", "reporter", "say", "_say", "warn", "Parser"}
DESCRIPTIONS = {"description", "help"}
TEXTS = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.IfExp, ast.BoolOp)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def stage_script(stage: str) -> str:
    """Path of a stage's command, from the project's folder; that of a file, such as the library's own, is the file."""
    return stage if stage.endswith(".py") else f"{SCRIPTS}/{stage}.py"


@cache
def code_files(stage: str) -> tuple[str, ...]:
    """Sorted paths, from the project's folder, of the files that a stage's code consists of."""
    found: set[str] = set()
    queue = [stage_script(stage)]
    while queue:
        path = queue.pop()
        if path not in found and path not in PRESENTATION:
            found.add(path)
            queue.extend(_used_files(path))
    return tuple(sorted(found))


@cache
def code_hash(stage: str) -> str:
    """sha256 over the names and the essence of a stage's files."""
    digest = hashlib.sha256()
    for name in code_files(stage):
        digest.update(f"{name}\0{essence(name)[0]}\0".encode())
    return digest.hexdigest()


@cache
def essence(path: str) -> tuple[str, tuple[str, ...]]:
    """A file's code without comments, docstrings, annotations of functions, messages and what only they use; and the
    names that it imports."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=path)
    tree, imports = _without_unused(_Silence(path).visit(tree))
    return ast.unparse(_with_sorted_imports(tree)), tuple(name for node in imports for name in _imported(node))


class _Silence(ast.NodeTransformer):
    """Takes out what only people read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            node.body = [line for line in node.body if not _is_text(line)]
        if isinstance(getattr(node, "body", None), list) and not isinstance(node, ast.Module):
            node.body = node.body or [ast.Pass()]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level:
            raise ValueError(
                f"{self.path}, line {node.lineno}: found a relative import, expected the whole module name"
            )
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        while dropped := _message_lines(node):
            _Without(dropped).visit(node)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return ast.Raise(exc=kind, cause=None)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        keywords = [keyword for keyword in node.keywords if keyword.arg not in DESCRIPTIONS]
        if _called(node) not in WORDS:
            return ast.Call(node.func, node.args, keywords)
        return ast.Call(node.func, [], [keyword for keyword in keywords if keyword.arg == "type"])

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        node = self.generic_visit(node)
        said = _called(node.value) in WORDS and not node.value.keywords
        return None if said else node


class _Without(ast.NodeTransformer):
    """Takes out given nodes."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.nodes = nodes

    def visit(self, node: ast.AST) -> ast.AST | None:
        if node in self.nodes:
            return None
        self.generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]
        return node


def _called(node: ast.AST) -> str | None:
    """Name of what is called, if it is a call."""
    func = node.func if isinstance(node, ast.Call) else None
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", None)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def _message_lines(function: Function) -> list[ast.AST]:
    """Assignments of texts to local names that nothing else in the function uses any more."""
    used, assignments = _names_and(ast.Assign, function)
    return [
        node
        for node in assignments
        if all(isinstance(target, ast.Name) and target.id not in used for target in node.targets)
        and (isinstance(node.value, TEXTS) or _called(node.value) in ("join", "format"))
    ]


def _names_and(kinds: type[ast.AST] | tuple[type[ast.AST], ...], tree: ast.AST) -> tuple[set[str], list[Any]]:
    """Names that are read, declared or exported, and the nodes of these kinds: in one walk, of which there are many."""
    names: set[str] = set()
    found: list[Any] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                names.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names.update(node.names)
        elif isinstance(node, kinds):
            found.append(node)
    return names, found


def _without_unused(tree: ast.Module) -> tuple[ast.Module, list[ast.Import | ast.ImportFrom]]:
    """Without private functions and imported names that nothing in the module uses any more; the imports that stay."""
    while True:
        used, imports = _names_and((ast.Import, ast.ImportFrom), tree)
        private = [node for node in tree.body if isinstance(node, Function) and node.name[0] == "_"]
        # A decorator may have told others about it.
        unused = [node for node in private if node.name not in used and not node.decorator_list]
        if not unused:
            break
        tree.body = [node for node in tree.body if node not in unused]
    for node in imports:
        node.names = [name for name in node.names if (name.asname or name.name).split(".")[0] in used]
    if empty := [node for node in imports if not node.names]:
        tree.body = [node for node in tree.body if node not in empty]
        if nested := [node for node in empty if node.col_offset]:
            _Without(nested).visit(tree)
    return tree, [node for node in imports if node.names]


def _with_sorted_imports(tree: ast.Module) -> ast.Module:
    """With the module's imports first, in one order, whatever a formatter makes of them."""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    tree.body = [*sorted(imports, key=ast.unparse), *(node for node in tree.body if node not in imports)]
    return tree


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Modules, or things in modules, by their whole names."""
    module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return [module + alias.name for alias in node.names]


@cache
def _used_files(path: str) -> tuple[str, ...]:
    """Files of the project that a file imports."""
    return tuple(file for name in essence(path)[1] for file in _files_of(name))


def _files_of(name: str) -> Iterator[str]:
    """Files of a module and of the packages that it lies in."""
    parts = name.split(".")
    if parts[0] == PACKAGE:
        for depth in range(1, len(parts) + 1):
            base = Path(*parts[:depth])
            for candidate in (base.with_suffix(".py"), base / "__init__.py"):
                if (ROOT / candidate).is_file():
                    yield candidate.as_posix()
