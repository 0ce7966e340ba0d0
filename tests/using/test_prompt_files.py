"""Prompts from files of every kind that people have, and what is said of those that have none."""

import io
import json

import pandas as pd
import pytest

from p2w.using.prompt_files import MOST_BYTES, read_prompts

PROMPTS = ["Is ice cold?", 'Says "no", she did; 火']


def write(path):
    """The same two prompts, and one of them again, as a file of each kind."""
    rows = [{"number": number, "question": text} for number, text in enumerate([*PROMPTS, PROMPTS[0]])]
    if path.suffix == ".txt":
        path.write_text("\n\n".join(row["question"] for row in rows) + "\n", encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        pd.DataFrame(rows).to_csv(path, index=False, sep={".csv": ",", ".tsv": "\t"}[path.suffix])
    return path


@pytest.mark.parametrize("kind", ["txt", "csv", "tsv", "json", "jsonl", "parquet"])
def test_every_kind_of_file_gives_its_prompts_each_once_and_in_order(kind, tmp_path):
    assert read_prompts(write(tmp_path / f"prompts.{kind}")) == PROMPTS


def test_a_list_of_texts_and_standard_input(tmp_path, monkeypatch):
    (tmp_path / "prompts.json").write_text(json.dumps(PROMPTS))
    assert read_prompts(tmp_path / "prompts.json") == PROMPTS
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\r\nb c\n")))
    assert read_prompts("-") == ["a", "b c"]


def test_the_column_is_the_one_that_is_named_or_the_likeliest_or_the_only_one(tmp_path):
    pd.DataFrame({"text": ["t"], "prompt": ["p"], "mine": ["m"]}).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame({"mine": ["m"]}).to_csv(tmp_path / "b.csv", index=False)
    assert read_prompts(tmp_path / "a.csv") == ["p"]
    assert read_prompts(tmp_path / "a.csv", "mine") == ["m"]
    assert read_prompts(tmp_path / "b.csv") == ["m"]


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.txt", b"", None, "a.txt: found no prompts, expected one or more"),
        ("a.txt", b"\xff\xfe", None, r"a.txt: not a text in UTF-8 \(byte 0\); expected one prompt per line"),
        ("a.txt", b"a\0b", None, "a.txt: found a binary file, expected a text with one prompt per line"),
        ("a.csv", b"x,y\n1,2\n", None, "a.csv: found columns x, y; expected one of prompt, question, .* --column NAME"),
        ("a.csv", b"x,y\n1,2\n", "z", "a.csv: found columns x, y; expected 'z'"),
        ("a.json", b"[1]", None, r"a.json\[0\]: found '1', expected a text or a row with columns"),
        ("a.json", b"{", None, "a.json: not valid JSON"),
        ("a.jsonl", b'{"prompt": 3}', None, r"a.jsonl\[0\]: found 3, expected a text with something in it"),
        ("a.xls", b"x", None, "a.xls: found a file of kind '.xls', expected one of .parquet"),
    ],
)
def test_files_without_prompts(tmp_path, monkeypatch, name, content, column, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"^{message}"):
        read_prompts(name, column)


def test_a_huge_file_is_not_read(tmp_path):
    with open(tmp_path / "huge.txt", "wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ValueError, match=f"found {MOST_BYTES + 1} bytes, expected at most {MOST_BYTES} of prompts"):
        read_prompts(tmp_path / "huge.txt")
