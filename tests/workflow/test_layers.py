"""Imports run one way, from what people read down to what every stage needs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import PROJECT

# From the lowest; those in one row do not know each other. The pocket world is a source of data, so data knows it.
LAYERS = (
    {"runtime"},
    {"config"},
    {"pocket"},
    {"data"},
    {"base"},
    {"adapters", "prompts"},
    {"finetuning"},
    {"generators"},
    {"controls"},
    {"evaluation"},
    {"report"},
    {"using"},
    {"page"},
    {"commands"},
)
# What is at the top of the package, and how the pocket base model was made, may use everything.
TOP = ("__init__", "__main__", "builder", "cli")
MODULES = sorted((PROJECT / "p2w").rglob("*.py"))
TESTS = sorted((PROJECT / "tests").rglob("test_*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(package: str) -> int:
    return next(place for place, packages in enumerate(LAYERS) if package in packages)


def test_every_package_has_its_place() -> None:
    found = {path.name for path in (PROJECT / "p2w").iterdir() if (path / "__init__.py").exists()}
    assert found == set.union(*LAYERS)
    assert {path.stem for path in (PROJECT / "p2w").glob("*.py")} <= {"__init__", "__main__", "cli"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PROJECT / "p2w").as_posix())
def test_a_module_knows_its_own_package_and_those_below(path: Path) -> None:
    parts = path.relative_to(PROJECT / "p2w").parts
    names = list(imported(path))
    assert not any(name.split(".")[0] == "snakemake" for name in names)
    if not any(part.removesuffix(".py") in TOP for part in parts):
        known = {name.split(".")[1] for name in names if name.startswith("p2w.")} - {parts[0]}
        assert {other for other in known if layer(other) >= layer(parts[0])} == set()


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(PROJECT / "tests").as_posix())
def test_no_test_module_imports_another(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith("tests.") and ".test_" in name]
    assert not [name for name in imported(path) if name.startswith("test_") or name.startswith("tests.conftest")]
