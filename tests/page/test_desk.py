"""The page without a browser: what it does with prompts and questions, whoever they come from."""

import zipfile
from itertools import count

import pytest

from p2w.adapters.peft_folder import read_adapter
from p2w.page.history import KEPT, MOST, Histories, Made
from p2w.page.inputs import LONGEST, MOST_BYTES, prompts_from, question_from
from p2w.page.views import adapter_view, bars, label
from p2w.using.asking import ask, system_of


def test_prompts_become_an_adapter_that_can_be_shown_asked_and_downloaded(desk, tmp_path):
    number = desk.generate("me", "which of these can swim\n\nis a stone heavy", None)
    made = desk.made("me", number)
    assert label(number, made.adapter).startswith("1: 2 prompts, like ")
    assert "Made from 2 prompts in " in adapter_view(made)
    with zipfile.ZipFile(made.packed) as packed:
        packed.extractall(tmp_path)
    assert read_adapter(tmp_path / made.packed.stem)[1]["peft_type"] == "LORA"
    with pytest.raises(ValueError, match="adapter 1: it is not here any more, expected one of none"):
        desk.made("somebody else", number)


def test_the_zip_of_an_adapter_that_is_forgotten_is_gone(desk):
    first = desk.made("many", desk.generate("many", "is a stone heavy", None)).packed
    assert first.exists()
    for _ in range(KEPT):
        desk.generate("many", "is a stone heavy", None)
    assert not first.exists()


def test_its_answers_are_those_of_ask_at_strength_1_and_of_the_base_model_at_0(desk):
    number = desk.generate("asks", "is a stone heavy", None)
    adapter = desk.made("asks", number).adapter
    *_before, last = desk.ask("asks", number, "why?", 1.0, 5)
    assert tuple(last) == ask(adapter, desk.base, "why?", system_of(adapter), 5)
    *_before, last = desk.ask("asks", number, "why?", 0.0, 5)
    assert last[0] == last[1]


def test_visitors_whose_answers_come_in_turn_do_not_disturb_each_other(desk):
    number = desk.generate("turns", "is a stone heavy", None)
    alone = list(desk.ask("turns", number, "why?", 2.0, 4))
    one, other = desk.ask("turns", number, "why?", 2.0, 4), desk.ask("turns", number, "who?", 0.5, 4)
    assert [said for said, _ in zip(one, other, strict=False)] == alone


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.zip", b"PK", "file: found one of kind '.zip', expected one of .txt"),
        ("a.parquet", b"PAR1", "file: found one of kind '.parquet'"),
        ("a.txt", b"x" * (MOST_BYTES + 1), "file: found 4194305 bytes, expected at most 4194304"),
        ("a.txt", b"\xff\xfe\0", "file: not a text in UTF-8"),
        ("a.json", b"[" * 100_000, "file: "),
        ("a.csv", b"a,b\n1,2\n", "file: found columns a, b; expected one of prompt"),
        ("a.txt", b"word " * LONGEST, "prompts: found one of 99999 characters, expected at most 20000"),
        ("a.txt", b"\n".join(b"%d" % n for n in range(10_001)), "prompts: found 10001, expected at most 10000"),
    ],
    ids=["zip", "parquet", "large", "binary", "deep", "columns", "long", "many"],
)  # fmt: skip
def test_files_that_are_not_read(name, data, message, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError) as refused:
        prompts_from("", str(tmp_path / name))
    assert str(refused.value).startswith(message)
    assert str(tmp_path) not in str(refused.value)


def test_texts_that_are_not_read(desk):
    for call, message in (
        (lambda: prompts_from(" \n", None), "prompts: found no prompts"),
        (lambda: question_from(" "), "question: found nothing"),
        (lambda: question_from("x" * (LONGEST + 1)), "question: found 20001 characters"),
        (lambda: next(desk.ask("nobody", 1, "why?", 1.0, 5)), "adapter 1: it is not here"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    number = desk.generate("asks", "is a stone heavy", None)
    with pytest.raises(ValueError, match=r"question: found \d+ tokens and 5 for the answer, expected at most"):
        next(desk.ask("asks", number, "why " * 4_000, 1.0, 5))


def test_a_script_is_a_text():
    assert "<script>" not in bars("<script>", {"<script>alert(1)</script>": 1.0})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in bars("x", {"<script>alert(1)</script>": 1.0})


def test_memory_is_bounded_by_visitor_and_in_all():
    histories, numbers = Histories(), count()
    for _ in range(KEPT + 3):
        last = histories.add("one", Made(next(numbers), 0.0, None))
    assert (last, list(histories.of("one"))) == (KEPT + 3, list(range(4, KEPT + 4)))
    for visitor in range(MOST):
        histories.add(f"visitor {visitor}", Made(next(numbers), 0.0, None))
    assert histories.of("one") == {}
    assert sum(len(histories.of(f"visitor {visitor}")) for visitor in range(MOST)) == MOST
    assert histories.known("visitor 3") == "visitor 3"
    assert histories.known("../../etc") not in ("../../etc", histories.known(""))
