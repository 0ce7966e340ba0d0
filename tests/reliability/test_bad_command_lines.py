"""Bad command lines of every script: one line that says where help is, exit code 2 where an argument itself is bad."""

import pytest

from tests.support.bad_world import Case, answer, argv, cases, script
from tests.support.breaking import both, folder_instead, option, replaced, setting, without
from tests.support.right_commands import ROOT, World

SCRIPTS = sorted(path.stem for path in (ROOT / "workflow/scripts").glob("*.py"))
OVER_A_FILE = both(replaced("file", b"x"), option("--output", "WORLD/file/x/adapter_model.safetensors"))

LINES = (
    Case("nothing", "show", r"the following arguments are required: file; see \S+ --help", without(""), 2),
    Case("missing option", "generate", r"the following arguments are required: --draw", without("--draw"), 2),
    Case("two missing options", "control", r"required: --tasks, --adapters",
         both(without("--tasks"), without("--adapters")), 2),
    Case("unknown option", "generate", r"unrecognized arguments: --drawn 3", option("--drawn", 3), 2),
    Case("shortened option", "generate", r"unrecognized arguments: --dec", option("--dec", "x"), 2),
    Case("option without its value", "generate", r"argument --seed: expected one argument", option("--seed"), 2),
    Case("list without values", "decoder", r"argument --checkpoints: expected at least one argument",
         option("--checkpoints"), 2),
    Case("unknown control", "control", r"argument --control: invalid choice: 'median'", option("--control",
         "median"), 2),
    Case("text as a seed", "finetune", r"argument --seed: found 'one', expected an integer of at least 0",
         option("--seed", "one"), 2),
    Case("negative seed", "decoder", r"argument --seed: found '-1', expected an integer of at least 0",
         option("--seed", "-1"), 2),
    Case("seed beyond all numbers", "embeddings", r"--seed: found '9{30}', expected an integer",
         option("--seed", "9" * 30), 2),
    Case("epoch 0", "finetune", r"argument --epoch: found '0', expected an integer of at least 1", option("--epoch",
         0), 2),
    Case("epoch 1.5", "finetune", r"argument --epoch: found '1\.5', expected an integer", option("--epoch", "1.5"), 2),
    Case("no epochs", "multi_task", r"argument --epochs: found '0', expected", option("--epochs", 0), 2),
    Case("first epoch 0", "checkpoints", r"--first-epoch: found '0', expected", option("--first-epoch", 0), 2),
    Case("epochs that no tasks share evenly", "checkpoints",
         r"--epochs: found 2, expected as many for each of 3 --task", option("--task", "a", "b", "c")),
    Case("negative draw", "generate", r"argument --draw: found '-1', expected an integer of at least 0",
         option("--draw", "-1"), 2),
    Case("YAML instead of JSON", "finetune", r"--lora: found 'rank: 2', expected JSON", option("--lora", "rank: 2"), 2),
    Case("empty JSON", "decoder", r"--decoder: found '', expected JSON", option("--decoder", ""), 2),
    Case("JSON list", "finetune", r"argument --lora: found \[2\], expected a mapping", option("--lora", "[2]"), 2),
    Case("JSON nested without end", "finetune", r"argument --lora: ", option("--lora", "[" * 90_000), 2),
    Case("unknown key", "finetune", r"argument --finetune: unknown key 'lr'; known keys: max_s",
         setting("--finetune", lr=0.1), 2),
    Case("missing key", "decoder", r"argument --decoder: missing key 'steps'", setting("--decoder", steps=None), 2),
    Case("number as text", "finetune", r"learning_rate: found '1e-4', expected a number above 0 \(YAML reads 1e-4",
         setting("--finetune", learning_rate="1e-4"), 2),
    Case("NaN", "finetune", r"learning_rate: found nan, expected a number",
         setting("--finetune", learning_rate=float("nan")), 2),
    Case("more snapshots than steps", "finetune", r"snapshots: found 9, expected at most one per step",
         both(setting("--finetune", snapshots=9), option("--epoch", 1), option("--previous")), 2),
    Case("token width that divides nothing", "decoder", r"width", setting("--decoder", token_width=7)),
    Case("rank 0", "finetune", r"rank: found 0, expected an integer of at least 1", setting("--lora",
         rank=0), 2),
    Case("unknown modules", "multi_task", r"nowhere", setting("--lora", target_modules=["nowhere"])),
    Case("base model without revision", "finetune", r"--base-model: found hub, expected hub and revision, or package",
         option("--base-model", '{"hub": "a/b"}'), 2),
    Case("base model that is not there", "finetune", r"base_model\.path: found no folder 'nowhere'",
         option("--base-model", '{"path": "nowhere"}')),
    Case("base model that is no model", "evaluate", r"(not a readable|base_model_name_or_path)",
         option("--base-model", '{"path": "WORLD"}')),
    Case("encoder of no place", "embeddings", r"--encoder: found sha256, expected hub and revision, or pack",
         setting("--encoder", package=None), 2),
    Case("fewer adapters than tasks", "control", r"--adapters: found 1, expected 2, one for each of --tasks",
         option("--adapters", "WORLD/boolq/epoch_1/adapter_model.safetensors")),
    Case("one task named twice", "control", r"--tasks: found 'piqa' more than once, expected distinct names",
         option("--tasks", "piqa", "piqa")),
    Case("more names than samples", "multi_task", r"--samples: found 2, expected 3", option("--tasks", "a", "b", "c")),
    Case("more tasks than samples", "multi_task", r"found 2 tasks for 1 samples",
         setting("--finetune", max_samples=1, snapshots=1)),
    Case("a source without adapter", "evaluate", r"--adapters: found 2, expected 1", option("--sources",
         "trained/boolq")),
    Case("adapter that is not there", "evaluate", r"nowhere: no adapter_config\.json",
         option("--adapters", *["WORLD/nowhere/adapter_model.safetensors"] * 2)),
    Case("captions without figures", "summary", r"--captions: found 1, expected 0", option("--captions", "x.rst")),
    Case("evaluation that is not there", "show", r"nowhere\.json: No such file or directory; check the path",
         option("", "WORLD/nowhere.json")),
    Case("evaluation that is a folder", "show", r"boolq: Is a directory; expected a file", option("", "WORLD/boolq")),
    Case("output below a file", "control", r"file\S*: (Not a directory|File exists); a part of the path is a file",
         OVER_A_FILE),
    Case("output that is a folder", "samples", r"samples\.parquet: Is a directory; expected a file",
         folder_instead("samples.parquet")),
)  # fmt: skip


@cases(*LINES)
def test_each_is_answered_in_one_line(case: Case, world: World, capsys: pytest.CaptureFixture[str], tally) -> None:
    tally("bad inputs")
    answer(case, world, capsys)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_command_has_help_and_refuses_what_it_does_not_know(name, capsys, tally) -> None:
    tally("bad inputs")
    with pytest.raises(SystemExit) as caught:
        script(name).main(["--help"])
    assert caught.value.code == 0
    assert "usage:" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        script(name).main(argv({"--no-such-option": []}))
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
