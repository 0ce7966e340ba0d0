"""Documents say what is there: every module is on the map, every link and every path leads somewhere."""

import re

import pytest
import yaml

from tests.support.code_map import PROJECT, folders, module_list, package_table, packages, row

DOCUMENTS = sorted(
    path.relative_to(PROJECT).as_posix()
    for place in ("*.md", "docs/*.md", "benchmarks/*.md", "config/*.md", "results/README.md", "tests/golden/*.md")
    for path in PROJECT.glob(place)
)
# Folders of the project, in whose names documents speak of files.
PATHS = r"`((?:p2w|rules|workflow|tests|config|docs|benchmarks|envs|profiles)/[\w./-]+[.]\w+)`"


def text(document: str) -> str:
    return (PROJECT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize(("document", "part"), [("README.md", package_table()), ("docs/map.md", module_list())])
def test_the_map_is_that_of_the_tree(document, part):
    missing = [line for line in part.splitlines() if line not in text(document).splitlines()]
    assert part in text(document), f"{document}: run python -m tests.support.code_map; missing or changed: {missing}"


def test_the_chinese_readme_names_every_module_of_every_package():
    rows = {row(name, paths) for name, paths in packages().items()}
    assert rows == set(re.findall(r"(?m)^[|] `[\w/]+` [|] `\w+`.*? [|](?= )", text("README.zh-CN.md")))


def test_the_chinese_map_explains_every_file():
    found = set(re.findall(r"^[-#]+ `((?:p2w|rules|workflow)/[\w./]+)`", text("docs/map.zh-CN.md"), re.MULTILINE))
    assert found == {path.relative_to(PROJECT).as_posix() for paths in folders().values() for path in paths}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_paths_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)", text(document))
    dead = [link for link in links if not (PROJECT / document).parent.joinpath(link).exists()]
    gone = [path for path in re.findall(PATHS, text(document)) if not (PROJECT / path).exists()]
    assert not dead + gone, f"{document}: no such files"


def test_style_is_checked_by_the_same_versions_before_a_commit():
    pins = dict(line.split("==") for line in text("envs/requirements-dev.txt").splitlines() if "==" in line)
    repos = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    hooks = {repo["repo"].rpartition("/")[2]: repo["rev"] for repo in repos}
    assert hooks["ruff-pre-commit"] == f"v{pins['ruff']}"
    assert hooks["snakefmt"] == f"v{pins['snakefmt']}"
