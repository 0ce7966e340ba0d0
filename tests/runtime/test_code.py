"""The files a script runs are found without running it, so that an edit reruns exactly what it affects."""

import subprocess
import sys
from pathlib import Path

import pytest

from p2w.runtime import code
from p2w.runtime.code import code_files, code_hash


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up project of that layout, as the working directory."""
    files = {
        "script.py": "import os\nfrom p2w.first import thing\n",
        "p2w/__init__.py": "",
        "p2w/first.py": "def thing():\n    from p2w.nested import second\n    return second\n",
        "p2w/nested/__init__.py": "",
        "p2w/nested/second.py": "import p2w.third as third\nimport p2wother\n",
        "p2w/third.py": "from p2w import fourth\nfrom p2w.first import thing\n",
        "p2w/fourth.py": "import json\n",
        "p2w/unused.py": "import p2w.third\n",
        "p2wother.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    code_files.cache_clear()
    code._imported_files.cache_clear()
    yield tmp_path
    code_files.cache_clear()
    code._imported_files.cache_clear()


USED = (
    "p2w/__init__.py",
    "p2w/first.py",
    "p2w/fourth.py",
    "p2w/nested/__init__.py",
    "p2w/nested/second.py",
    "p2w/third.py",
    "script.py",
)


@pytest.mark.usefixtures("project")
def test_every_module_that_is_imported_directly_or_not() -> None:
    assert code_files("script.py") == USED


def test_the_hash_follows_names_contents_and_nothing_else(project: Path) -> None:
    before = code_hash(USED)
    (project / "p2w/unused.py").write_text("changed = 1\n")
    (project / "p2w/third.py").touch()
    assert code_hash(USED) == before
    (project / "p2w/fourth.py").write_text("import json  # why\n")
    assert code_hash(USED) != before
    assert code_hash(USED[:-1]) != code_hash(USED)


def test_a_syntax_error_names_the_file(project: Path) -> None:
    (project / "p2w/fourth.py").write_text("def (\n")
    with pytest.raises(SyntaxError) as caught:
        code_files("script.py")
    assert caught.value.filename == "p2w/fourth.py"


def test_a_relative_import_is_refused(project: Path) -> None:
    """It would be missed: which module it names depends on where its file lies."""
    (project / "p2w/fourth.py").write_text("import json\nfrom . import unused\n")
    with pytest.raises(ValueError, match=r"p2w/fourth\.py, line 2: found a relative import"):
        code_files("script.py")


def test_every_script_of_the_workflow_has_its_modules() -> None:
    scripts = sorted(path.as_posix() for path in Path("workflow/scripts").glob("*.py"))
    assert "workflow/scripts/samples.py" in scripts
    for script in scripts:
        assert {script, "p2w/__init__.py", "p2w/runtime/cli.py"} <= set(code_files(script)), script


@pytest.mark.parametrize("script", ["workflow/scripts/raw.py", "workflow/scripts/samples.py"])
def test_nothing_that_python_loads_is_missed(script: str) -> None:
    program = (
        "import runpy, sys, pathlib; runpy.run_path(sys.argv[1]); root = pathlib.Path.cwd();"
        "print(*(pathlib.Path(m.__file__).relative_to(root).as_posix() for name, m in sys.modules.items()"
        " if name.split('.')[0] == 'p2w' and m.__file__), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program, script], capture_output=True, text=True, check=True)
    assert "p2w/config/settings.py" in done.stdout.split()
    assert set(done.stdout.split()) <= set(code_files(script))
