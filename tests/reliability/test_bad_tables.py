"""Bad raw tables, task entries and samples: one line each, and nothing is written."""

import json

import pytest

from tests.support.bad_world import Case, answer, cases
from tests.support.breaking import (
    both,
    copied,
    cut,
    dataset,
    flipped,
    folder_instead,
    gone,
    option,
    replaced,
    setting,
    table,
    without,
)  # fmt: skip
from tests.support.right_commands import World

DATA = "data/owner/toy/train.parquet"
LOCATION = {"splits": {"train": "train"}}


def questions(content: object, name: str = "mine.json"):
    """A file of questions in place of the dataset."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return both(replaced(name, text), located(f"WORLD/{name}"))


def of_csv(text: str):
    return questions(text.encode("latin-1"), "mine.csv")


def located(place: str, **more: object):
    location = {"files": {"train": place}, **LOCATION, **more}
    return both(option("--location", json.dumps(location)), option("--questions"))


def mine(**changes: object):
    """One good item and one with changes."""
    good = {"question": "q?", "choices": ["a", "b"], "answer": 0}
    bad = {key: value for key, value in {**good, **changes}.items() if value is not None}
    return questions([good, bad])


RAW = (
    Case("no file in a local source", "raw", r"no file .*train\.parquet; source of kind local", gone(DATA)),
    Case("a folder instead of the file", "raw", r"no file .*train\.parquet", folder_instead(DATA)),
    Case("not parquet", "raw", r"train\.parquet: not a readable parquet file", replaced(DATA, b"question,label\n")),
    Case("empty file", "raw", r"train\.parquet: not a readable parquet file", replaced(DATA, b"")),
    Case("only the magic letters", "raw", r"train\.parquet: not a readable", replaced(DATA, b"PAR1PAR1")),
    Case("cut off", "raw", r"train\.parquet: not a readable parquet file", cut(DATA)),
    Case("a page of HTML", "raw", r"not a readable parquet file", replaced(DATA, b"<html>" + b" " * 500 + b"PAR1")),
    Case("unknown split", "raw", r"tasks\.toy\.hub\.files: no split 'dev'; splits: train", option("--split", "dev")),
    Case("unknown kind of source", "raw", r"kind: found 'disk', expected one of 'hub'",
         setting("--source", kind="disk"), 2),
    Case("local source without root", "raw", r"kind 'local': found no other key, expected root",
         option("--source", '{"kind": "local"}'), 2),
    Case("pocket source without rows", "raw", r"kind 'pocket': found seed, expected seed, rows",
         option("--source", '{"kind": "pocket", "seed": 1}'), 2),
    Case("no rows of that split", "raw", r"no rows for split 'train'",
         option("--source", '{"kind": "pocket", "seed": 1, "rows": {"test": 5}}')),
    Case("branch instead of a commit", "raw", r"revision: found 'main', expected text that matches",
         option("--location", json.dumps({"hub": {"dataset": "a/b", "revision": "main", "files": {}}, **LOCATION})), 2),
    Case("neither hub nor files", "raw", r"tasks\.toy: no files of a dataset; expected hub, file, files or folder",
         option("--location", json.dumps(LOCATION))),
    Case("json is missing", "raw", r"mine\.json: No such file",
         located("WORLD/mine.json")),
    Case("json is not JSON", "raw", r"mine\.json: not valid JSON", questions(b"[{")),
    Case("json is not UTF-8", "raw", r"mine\.json: not valid JSON", questions('["ü"]'.encode("latin-1"))),
    Case("json nested without end", "raw", r"mine\.json: not valid JSON", questions(b"[" * 100_000)),
    Case("json is a mapping", "raw", r"mine\.json: found dict, expected a list", questions({"question": "q"})),
    Case("json list is empty", "raw", r"mine\.json: found an empty list", questions([])),
    Case("json item is a text", "raw", r"mine\.json\[0\]: found 'q', expected a mapping", questions(["q"])),
    Case("json unknown key", "raw",
         r"mine\.json\[1\]: unknown key 'options'; known keys: question, context, id, choices, answer",
         mine(options=[])),
    Case("json no choices", "raw", r"mine\.json\[1\]: missing key 'choices'", mine(choices=None)),
    Case("json one choice", "raw", r"mine\.json\[1\]: choices: found 1, expected at least 2", mine(choices=["a"])),
    Case("json empty choice", "raw", r"expected texts that are not empty", mine(choices=["a", " "])),
    Case("json equal choices", "raw", r"mine\.json\[1\]: .*expected distinct texts", mine(choices=["a", "a"])),
    Case("json number as a choice", "raw", r"choices\[1\]: found 2, expected text", mine(choices=["a", 2])),
    Case("json answer out of range", "raw", r"mine\.json\[1\]: answer: found 2, expected one position", mine(answer=2)),
    Case("json answer names nothing", "raw", r"answer: found 'c', expected one position", mine(answer="c")),
    Case("json answer of another type", "raw", r"answer: found 0\.5, expected an integer, or text", mine(answer=0.5)),
    Case("json no question", "raw", r"expected a question, a context or both", mine(question=None)),
    Case("csv row too long", "raw", r"mine\.csv: not a readable csv file .*line 3", of_csv("a,b\n1,2\n1,2,3\n")),
    Case("csv column twice", "raw", r"mine\.csv: not a readable csv .*distinct names", of_csv("a,a\n1,2\n")),
    Case("csv not UTF-8", "raw", r"mine\.csv: not a readable csv file", of_csv("a,b\n1,\xff\n")),
    Case("csv no choice left", "raw", r"mine\.csv\[0\]: choices: found 1", of_csv("question,a,b\nq,x,\n")),
    Case("csv gap", "raw", r"mine\.csv\[0\]: choices\[1\]: found None", of_csv("question,a,b,c\nq,x,,y\n")),
    Case("jsonl bad line", "raw", r"mine\.jsonl, line 2: not valid JSON",
         questions(b'{"question": "q"}\n{"q\n', "mine.jsonl")),
    Case("unknown kind of file", "raw", r"mine\.doc: found a file of kind '\.doc', expected one of \.parquet, \.csv",
         questions(b"q", "mine.doc")),
    Case("wrong hash", "raw", r"mine\.csv: found sha256 \w{64}, expected 0{64}",
         both(of_csv("question\nq\n"), located("WORLD/mine.csv", sha256={"train": "0" * 64}))),
)  # fmt: skip

SAMPLES = (
    Case("missing column", "samples", r"toy/train row 0: no column 'question'; columns: id, left",
         dataset(question=None)),
    Case("null question", "samples", r"toy/train row 3: column 'question': found \w+, expected text",
         dataset(question="null")),
    Case("number as a choice", "samples", r"row 0: column 'left': found 0, expected text",
         dataset(left=list(range(12)))),
    Case("label out of range", "samples", r"row 0: column 'label': found answer 2, expected one of \['0', '1'\]",
         dataset(label=[2] * 12)),
    Case("negative label", "samples", r"found answer -1, expected one of", dataset(label=[-1] * 12)),
    Case("null label", "samples", r"row 3: column 'label': found answer", dataset(label="null")),
    Case("label of another encoding", "samples", r"found answer 'A', expected one of \['0', '1'\]",
         dataset(label=["A"] * 12)),
    Case("no label column", "samples", r"no column 'label'", dataset(label=None)),
    Case("empty split", "samples", r"toy/train: found 0 rows, expected at least 1",
         table("raw.parquet", lambda rows: rows[:0])),
    Case("duplicate ids", "samples", r"toy/train: id 'same' occurs more than once", dataset(id=["same"] * 12)),
    Case("null id", "samples", r"row 3: column 'id': found \w+, expected an id", dataset(id="null")),
    Case("choices are no list", "samples", r"column 'left': found '0', expected a list",
         setting("--task-config", choices={"list": "left"})),
    Case("fewer choices than two", "samples", r"row 0: found 1 choices, expected 2 to 2",
         both(dataset(left=[["a"]] * 12), setting("--task-config", choices={"list": "left"}))),
    Case("more choices than labels", "samples", r"row 0: found 3 choices, expected 2 to 2",
         both(dataset(left=[["a", "b", "c"]] * 12), setting("--task-config", choices={"list": "left"}))),
    Case("null in a list of choices", "samples", r"column 'left': found None, expected text",
         both(dataset(left=[["a", None]] * 12), setting("--task-config", choices={"list": "left"}))),
    Case("raw table is missing", "samples", r"raw\.parquet: No such file", gone("raw.parquet")),
    Case("raw table is a folder", "samples", r"raw\.parquet: Is a directory", folder_instead("raw.parquet")),
    Case("raw table cut off", "samples", r"raw\.parquet: not a file of P2W, or damaged .*rm \S+ && snakemake",
         cut("raw.parquet")),
    Case("raw table with a flipped bit", "samples", r"raw\.parquet: damaged.*rm \S+ && snakemake \S+raw\.parquet",
         flipped("raw.parquet", 0.1)),
    Case("raw table of another program", "samples", r"raw\.parquet: not a file of P2W", copied(DATA, "raw.parquet")),
    Case("format not given", "samples", r"toy: found answer format None, expected that of format 'letter'",
         without("--format")),
    Case("entry with an unknown key", "samples", r"unknown key 'quesiton'; known keys: hub",
         setting("--task-config", quesiton="{q}"), 2),
    Case("question without a column", "samples", r"question: found 'Why\?', expected a text with columns",
         setting("--task-config", question="Why?"), 2),
    Case("question with an open brace", "samples", r"question: found '\{question', expected a text with fields",
         setting("--task-config", question="{question"), 2),
    Case("broken regular expression", "samples", r"replace: '\[', '': not a regular expression",
         setting("--task-config", replace=[["[", ""]]), 2),
    Case("replacement without its group", "samples", r"replace: 'a', .*not a regular expression \(invalid group",
         setting("--task-config", replace=[["a", "\\9"]]), 2),
    Case("two kinds of choices", "samples", r"choices: expected exactly one of list, columns, fixed",
         setting("--task-config", choices={"list": "a", "columns": ["left", "right"]}), 2),
    Case("unknown encoding", "samples", r"answer\.encoding: found 'index2', expected one of 'label'",
         setting("--task-config", answer={"column": "label", "encoding": "index2"}), 2),
    Case("labels without label encoding", "samples", r"answer\.encoding 'label' and choices\.labels go together",
         setting("--task-config", choices={"list": "left", "labels": "right"}), 2),
    Case("no train split", "samples", r"splits: found \['test'\], expected train",
         setting("--task-config", splits={"test": "test"}), 2),
    Case("one label", "samples", r"labels: found \['A'\], expected a list of at least 2",
         setting("--format", labels=["A"]), 2),
    Case("field that no format has", "samples", r"choice: unknown field \['letter'\]; fields: \['choice', 'label'\]",
         setting("--format", choice="{letter}"), 2),
    Case("response that is always the same", "samples", r"response: found 'yes', expected a text with",
         setting("--format", response="yes"), 2),
    Case("task without answers", "samples", r"found none response, missing answer",
         setting("--task-config", answer=None), 2),
)  # fmt: skip


@cases(*RAW, *SAMPLES)
def test_each_is_answered_in_one_line(case: Case, world: World, capsys: pytest.CaptureFixture[str], tally) -> None:
    tally("bad inputs")
    answer(case, world, capsys)
