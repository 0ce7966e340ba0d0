"""The command line `p2w`, from a file of prompts to everything that is done with an adapter; a mistake is one line."""

import io
import re
import subprocess
import sys

import gguf
import pytest
from transformers import AutoModelForCausalLM

from p2w.runtime.cli import run
from p2w.adapters.peft_folder import read_adapter
from p2w.cli import COMMANDS, main
from p2w.runtime.files import sha256
from p2w.using.from_file import generate_from_file
from tests.support.generator_folders import encode


@pytest.fixture(autouse=True)
def words(monkeypatch):
    """The encoder of the toy generator."""
    monkeypatch.setattr("p2w.using.generator.encode_when_needed", lambda *_given: encode)


@pytest.fixture
def prompts(tmp_path):
    (tmp_path / "prompts.txt").write_text("which of these can swim\nis a stone heavy\n")
    return tmp_path / "prompts.txt"


def p2w(capsys, *arguments):
    main([str(argument) for argument in arguments])
    return capsys.readouterr()


def test_prompts_become_an_adapter_that_says_what_it_is_made_of(prompts, generator_folder, tmp_path, capsys):
    said = p2w(capsys, "generate", prompts, "-o", tmp_path / "mine", "--generator", generator_folder)
    assert re.match(rf"{tmp_path}/mine: an adapter for \S+tiny_base_model0, made in \d\.\d\d s\n", said.out)
    assert "\n  prompts: 2, sha256 " in said.out
    assert "\n  nearest training tasks (cosine): " in said.out
    assert "\n  mixture of training tasks' adapters: " in said.out
    assert "\n  to beat: what the generator makes of no prompt, and the nearest training task's own" in said.out
    assert f"\n  does it? p2w evaluate {tmp_path}/mine --samples FILE" in said.out
    assert "warning: found 2 prompts, the generator was fitted for 5" in said.err
    assert read_adapter(tmp_path / "mine")[1]["peft_type"] == "LORA"


def test_prompts_may_come_from_standard_input(prompts, generator_folder, tmp_path, capsys, monkeypatch):
    p2w(capsys, "generate", prompts, "-o", tmp_path / "a", "--generator", generator_folder)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(prompts.read_bytes())))
    p2w(capsys, "generate", "-", "-o", tmp_path / "b", "--generator", generator_folder)
    assert sha256(tmp_path / "a/run.json") == sha256(tmp_path / "b/run.json")


def test_the_workflow_makes_the_same_weights_and_records_its_inputs(prompts, generator_folder, tmp_path, capsys):
    p2w(capsys, "generate", prompts, "-o", tmp_path / "a", "--generator", generator_folder)
    generate_from_file(generator_folder / "generator.safetensors", prompts, 0, tmp_path / "b/adapter_model.safetensors")
    name = "adapter_model.safetensors"
    assert sha256(tmp_path / "a" / name) == sha256(tmp_path / "b" / name)
    said = p2w(capsys, "explain", tmp_path / "b")
    assert "made by workflow/scripts/adapter_for.py" in said.out
    assert f"ok      {prompts}  sha256 {sha256(prompts)[:12]}  a source" in said.out


def test_base_and_adapted_answer_side_by_side(generated, capsys, monkeypatch):
    said = p2w(capsys, "ask", generated, "why?", "--tokens", 3)
    assert [line[:9] for line in said.out.split("\n")[:-1] if line[:9].strip()] == ["base     ", "adapted  "]
    monkeypatch.setattr("sys.stdin", io.StringIO("why?\n"))
    assert p2w(capsys, "ask", generated, "-", "--tokens", 3).out == said.out


def test_the_rest_of_the_commands(generated, tmp_path, capsys):
    (tmp_path / "labelled.jsonl").write_text('{"prompt": "a", "response": "b"}\n{"prompt": "c", "response": "d"}')
    labelled = ["--samples", tmp_path / "labelled.jsonl", "--tokens", 2]
    assert "2 rows; p is" in p2w(capsys, "evaluate", generated, *labelled).out
    said = p2w(capsys, "explain", generated).out
    assert "made by p2w/using/generator.py" in said
    assert "nearest training tasks" in said
    p2w(capsys, "merge", generated, "-o", tmp_path / "model")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "model").config.hidden_size == 48
    p2w(capsys, "gguf", generated, "-o", tmp_path / "mine.gguf")
    assert gguf.GGUFReader(tmp_path / "mine.gguf").get_field("general.type").contents() == "adapter"


@pytest.mark.usefixtures("generated", "prompts")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "nowhere.txt", "-o", "x"], "error: nowhere.txt: No such file or directory; check the path"),
        (["generate", ".", "-o", "x"], "error: .: Is a directory; expected a file"),
        (["generate", "prompts.txt", "-o", "x", "--generator", "no where"], "error: no where: no such folder"),
        (["ask", "nowhere", "why?"], "error: nowhere: no such folder, expected that of an adapter"),
        (["ask", ".", "why?"], "error: .: no adapter_config.json; expected an adapter in PEFT's format"),
        (["ask", "mine", " "], "error: question: found nothing, expected a text"),
        (["evaluate", "mine", "--samples", "prompts.txt"], "error: prompts.txt[0]: found columns text"),
        (["merge", "mine", "-o", "mine"], "error: mine: found it there already, expected the name of a new folder"),
        (["gguf", "mine", "-o", "nowhere/../prompts.txt/a"], "error: nowhere/../prompts.txt/a: "),
        (["explain", "prompts.txt"], "error: prompts.txt: found no record of what made it"),
    ],
)  # fmt: skip
def test_a_users_mistake_is_one_line(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run(main, arguments)
    *_before, last = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert last.startswith(message)


def test_a_page_without_gradio_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"gradio: it is not installed; pip install 'p2w\[page\]'"):
        main(["serve", "--no-open"])


@pytest.mark.parametrize("arguments", [[], ["generate"], ["generate", "a", "-o", "b", "--seed", "x"], ["sing"]])
def test_a_wrong_command_line_is_one_line_with_the_way_to_help(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith("error: p2w")
    assert line.endswith("--help")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_by_examples(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"examples:\n  {'p2w ' + command}" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    code = "import sys; from p2w.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n" \
           "print('torch' in sys.modules)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
