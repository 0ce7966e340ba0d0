"""What of the source makes a stage's identity: all that can change a result, and nothing that only people read."""

import subprocess
import sys
from pathlib import Path

import pytest

from p2w.runtime import code
from p2w.runtime.code import ROOT, code_files, code_hash, essence

MODULE = '''"""What it is for."""

from p2w.nested import second
from p2w.runtime.progress import reporter
from p2w.words import shown

SCALE = 3  # a reason


def thing(count: int, report) -> int:
    """What it does."""
    found = f"{count} things"
    if count < 0:
        raise ValueError(f"found {shown(found)}, expected {_named(0)}")
    report(count, 7, "step")
    return second.double(count) * SCALE


def _named(count):
    return f"{count} or more"
'''
FILES = {
    "workflow/scripts/stage.py": (
        "from p2w.first import thing\nfrom p2w.runtime.cli import Parser, at_least\n\n\ndef main(argv=None):\n"
        '    parser = Parser(description="Count.")\n'
        '    parser.add_argument("--count", type=at_least(0), help="how many")\n'
        "    args = parser.parse_args(argv)\n    thing(args.count, print)\n"
    ),
    "p2w/__init__.py": "__version__ = '1'\n",
    "p2w/first.py": MODULE,
    "p2w/nested/__init__.py": "",
    "p2w/nested/second.py": "import p2w.third as third\nimport p2wother\n\ndouble = third.times(2, p2wother)\n",
    "p2w/third.py": "def times(count, _other):\n    from p2w import fourth\n    return fourth.of(count)\n",
    "p2w/fourth.py": "of = abs\n",
    "p2w/words.py": "shown = str\n",
    "p2w/unused.py": "import p2w.third\n",
    "p2w/runtime/cli.py": "Parser = at_least = None\n",
    "p2w/runtime/progress.py": "reporter = None\n",
    "p2wother.py": "",
}
USED = ("p2w/first.py", "p2w/fourth.py", "p2w/nested/__init__.py", "p2w/nested/second.py", "p2w/third.py",
        "workflow/scripts/stage.py")  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up project of that layout."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for function in (code_files, code_hash, essence):
        function.cache_clear()


def hash_after(project: Path, path: str, old: str, new: str) -> str:
    before = (project / path).read_text()
    assert old in before
    (project / path).write_text(before.replace(old, new))
    forget()
    return code_hash("stage")


@pytest.mark.usefixtures("project")
def test_every_module_whose_names_are_used_directly_or_not() -> None:
    assert code_files("stage") == USED


NOTHING = {
    "a comment": ("p2w/first.py", "# a reason", "# another"),
    "a docstring": ("p2w/first.py", "What it does.", "What it did."),
    "formatting": ("p2w/first.py", "SCALE = 3", "SCALE = (\n    3\n)"),
    "a module's docstring": ("p2w/first.py", "What it is for.", "Why."),
    "a message": ("p2w/first.py", "expected {_named(0)}", "wanted {_named(1)}"),
    "a part of a message": ("p2w/first.py", '"{count} or more"', '"at least {count}"'),
    "a local name of a message": ("p2w/first.py", "found", "seen"),
    "a line of progress": ("p2w/first.py", '"step"', '"steps"'),
    "an annotation of a function": ("p2w/first.py", "-> int", "-> float"),
    "a description of the command": ("workflow/scripts/stage.py", "Count.", "Counts."),
    "help for an option": ("workflow/scripts/stage.py", "how many", "the number"),
    "a module that only messages use": ("p2w/words.py", "str", "repr"),
    "a module that nobody uses": ("p2w/unused.py", "third", "fourth"),
    "the command line": ("p2w/runtime/cli.py", "None", "1"),
    "progress": ("p2w/runtime/progress.py", "None", "1"),
    "the version": ("p2w/__init__.py", "1", "2"),
}
SOMETHING = {
    "a private function that a decorator registers": ("p2w/fourth.py", "of = abs", "of = abs\n@of\ndef _more(): pass"),
    "a constant": ("p2w/first.py", "SCALE = 3", "SCALE = 4"),
    "a condition": ("p2w/first.py", "count < 0", "count < 1"),
    "the kind of an error": ("p2w/first.py", "raise ValueError", "raise OSError"),
    "what is called": ("workflow/scripts/stage.py", "thing(args.count", "thing(2 * args.count"),
    "what an option becomes": ("workflow/scripts/stage.py", "at_least(0)", "at_least(1)"),
    "a module that is used by one that is used": ("p2w/fourth.py", "abs", "int"),
}


@pytest.mark.parametrize("edit", NOTHING.values(), ids=NOTHING)
def test_what_people_read_is_no_part_of_it(project: Path, edit: tuple[str, str, str]) -> None:
    before = code_hash("stage")
    assert hash_after(project, *edit) == before


@pytest.mark.parametrize("edit", SOMETHING.values(), ids=SOMETHING)
def test_what_can_change_a_result_is(project: Path, edit: tuple[str, str, str]) -> None:
    before = code_hash("stage")
    assert hash_after(project, *edit) != before


def test_a_text_that_is_more_than_a_message_is(project: Path) -> None:
    """The same local text, returned."""
    hash_after(project, "p2w/first.py", "return second.double(count) * SCALE", "return found")
    before = code_hash("stage")
    assert hash_after(project, "p2w/first.py", "{count} things", "{count} others") != before


def test_a_syntax_error_names_the_file(project: Path) -> None:
    with pytest.raises(SyntaxError) as caught:
        hash_after(project, "p2w/fourth.py", "of = abs", "def (")
    assert caught.value.filename == "p2w/fourth.py"


def test_a_relative_import_is_refused(project: Path) -> None:
    """It would be missed: which module it names depends on where its file lies."""
    with pytest.raises(ValueError, match=r"p2w/fourth\.py, line 2: found a relative import"):
        hash_after(project, "p2w/fourth.py", "of = abs", "of = abs\nfrom . import unused")


@pytest.mark.parametrize(
    ("stage", "settings"),
    {"finetune": "config/finetuning", "decoder": "config/decoder", "evaluate": "base/base_model"}.items(),
)
def test_all_that_a_real_stage_imports_is_its_code_or_wording(stage: str, settings: str) -> None:
    lines = (
        f"import pathlib, runpy, sys; root = pathlib.Path({str(ROOT)!r}); sys.path.insert(0, str(root))",
        f"runpy.run_path(str(root / 'workflow/scripts/{stage}.py'))",
        "files = [m.__file__ for name, m in sys.modules.items() if name.split('.')[0] == 'p2w' and m.__file__]",
        "print(*(pathlib.Path(file).relative_to(root).as_posix() for file in files), sep='\\n')",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    left = set(done.stdout.split()) - {*code_files(stage), *code.PRESENTATION}
    # What is configured elsewhere is imported for messages and annotations only.
    assert all(name.startswith("p2w/config/") or name.endswith("__init__.py") for name in left), left
    assert f"p2w/{settings}.py" in code_files(stage)
