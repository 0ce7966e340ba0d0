"""What of the source makes a stage's identity: all that can change a result, and nothing that only people read."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from p2w.runtime import code
from p2w.runtime.code import ROOT, code_files, code_hash, essence

CASES = yaml.safe_load(Path("tests/golden/code_identity.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The made-up project."""
    for name, text in CASES["files"].items():
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
    assert list(code_files("stage")) == CASES["used"]


@pytest.mark.parametrize("edit", CASES["same"].values(), ids=CASES["same"])
def test_what_people_read_is_no_part_of_it(project: Path, edit: list[str]) -> None:
    before = code_hash("stage")
    assert hash_after(project, *edit) == before


@pytest.mark.parametrize("edit", CASES["another"].values(), ids=CASES["another"])
def test_what_can_change_a_result_is(project: Path, edit: list[str]) -> None:
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


def test_one_generator_is_no_part_of_another() -> None:
    """Who changes the regression, or adds a kind, trains no decoder anew, nor an adapter, and scores nothing again."""
    decoder = "p2w/generators/training.py"
    closed = {f"p2w/{name}.py" for name in ("generators/ridge", "generators/retrieval", "generators/closed_forms")}
    assert closed <= set(code_files("generator"))
    assert decoder in code_files("decoder")
    for stage in ("decoder", "finetune", "embeddings", "centroid", "evaluate"):
        assert not {*closed, "p2w/config/generator.py"} & set(code_files(stage))
    assert decoder not in {*code_files("generator"), *code_files("generate")}
    learned = "p2w/generators/adapter_training.py"
    assert learned in code_files("learned_generator")
    assert not any(learned in code_files(stage) for stage in ("decoder", "finetune", "generator", "generate"))
