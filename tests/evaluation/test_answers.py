"""The strict parser: a response and nothing else. The official one: what the published scorer counts, with quirks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2w.evaluation.answers import INVALID, officially_right, parse_answer

LETTERS = ["[A]", "[B]", "[C]", "[D]"]
DIGITS = ["[1]", "[2]", "[3]", "[4]"]
TRUTH = ["[True]", "[False]"]
YES_NO = ["yes", "no"]
IT_IS = ["it is a pear", "it is a chair", "it is C"]
WORDS = ["a pear", "a chair", "True", "C"]
NOISE = "noise [C] " * 512

# Each text, and the position it stands for where the responses are letters, digits, truth, yes or no, "it is", words.
TABLE = [
    # text               letters  digits   truth    yes/no   it is    words
    ("[C]", 2, INVALID, INVALID, INVALID, INVALID, INVALID),
    (" [C]\n", 2, INVALID, INVALID, INVALID, INVALID, INVALID),
    ("[3]", INVALID, 2, INVALID, INVALID, INVALID, INVALID),
    ("[True]", INVALID, INVALID, 0, INVALID, INVALID, INVALID),
    ("\t[False] ", INVALID, INVALID, 1, INVALID, INVALID, INVALID),
    ("yes", INVALID, INVALID, INVALID, 0, INVALID, INVALID),
    (" no", INVALID, INVALID, INVALID, 1, INVALID, INVALID),
    ("it is a chair", INVALID, INVALID, INVALID, INVALID, 1, INVALID),
    ("a chair", INVALID, INVALID, INVALID, INVALID, INVALID, 1),
    (" C", INVALID, INVALID, INVALID, INVALID, INVALID, 3),
    (" True", INVALID, INVALID, INVALID, INVALID, INVALID, 2),
    *((text, *[INVALID] * 6) for text in [
        "C.", "(C)", "C: text", "Answer: C", "Answer: [C]", "[C] because", "[C]\n[C]", "[c]", "[ C ]", "[C", "[E]",
        "[0]", "True.", "true", "[true]", "[True].", "[ans: True]", "[ans: False]", "Yes", "yes.", "it is",
        "It is a pear", "it is a pear or a chair", "a", "A pear", "a  pear", "", " ", "\n", NOISE, f"{NOISE}[C]", "\0",
        "［C］", "[Ｃ]", "[С]", "[٣]", "[３]", "【C】", "нет", "はい", "صحيح", "a\u200bpear", "🍐",
    ]),
]  # fmt: skip
FORMATS = (LETTERS, DIGITS, TRUTH, YES_NO, IT_IS, WORDS)


@pytest.mark.parametrize(("text", "positions"), [(row[0], row[1:]) for row in TABLE], ids=lambda value: str(value)[:20])
def test_table_of_texts(text, positions):
    assert tuple(parse_answer(text, responses) for responses in FORMATS) == positions


@pytest.mark.parametrize(("yes", "no"), [tuple(TRUTH), ("True", "False"), tuple(YES_NO)])
@given(before=st.text(max_size=5), after=st.text(max_size=5))
def test_both_truth_values_are_treated_alike(yes, no, before, after):
    found = [parse_answer(before + word + after, [yes, no]) for word in (yes, no)]
    assert found in ([0, 1], [INVALID, INVALID])


@given(st.lists(st.text(max_size=3), min_size=2, max_size=5), st.text(max_size=3), st.randoms())
def test_the_order_of_the_responses_does_not_matter(responses, text, random):
    shuffled = random.sample(responses, len(responses))
    one, other = parse_answer(text, responses), parse_answer(text, shuffled)
    assert (one == INVALID) == (other == INVALID)
    assert one == INVALID or responses[one].strip() == shuffled[other].strip() == text.strip() != ""


def test_what_two_choices_share_chooses_neither():
    assert parse_answer("a pear", ["a pear", "a chair", "a pear"]) == INVALID
    assert parse_answer("", ["a pear", ""]) == INVALID


# The published scorer was seen to do this with "[C]", " [C]", " C", "(C)", "[3]", " 3." and, below, with "C", "C.",
# "C: text", "Answer: C"; and with "[True]", "True", " True.", " False", and " True", "True.", "Yes", "[ans: True]".
OFFICIAL = [  # the right answer, another one, texts that count as the right one alone, texts that do not count
    ("[C]", "[B]", ["[C]", " [C]", " C", "(C)", "[3]", " 3.", "-[C] and more"],
     ["", "C", "3", "C.", "C: text", "Answer: C", " [C", "[[C]", "[5]", "[c]", NOISE]),
    ("[True]", "[False]",
     ["[True]", "True", "true", " True.", "[true]", "ns: True", "it is True, not False", "x" * 16 + "True"],
     ["", " True", "True.", "Yes", "[ans: True]", "TRUE it is", "A\nTrue", "x" * 17 + "True", "[C]"]),
    # Where digits are right, it takes them for letters; and it favours True.
    ("[3]", "[2]", [" [3]"], ["[3]"]),
    ("[4]", "[3]", [], ["[4]"]),
    ("[False]", "[True]", [" False"], ["False, not True"]),
]  # fmt: skip


@pytest.mark.parametrize(("right", "other", "counted", "ignored"), OFFICIAL)
def test_what_the_official_scorer_counts(right, other, counted, ignored):
    assert [text for text in counted if not officially_right(text, right)] == []
    assert [text for text in counted if officially_right(text, other)] == []
    assert [text for text in ignored if officially_right(text, right)] == []


@pytest.mark.parametrize("gold", ["C", "a pear", "yes", "it is a pear"])
def test_official_scorer_knows_no_other_words(gold):
    assert not officially_right(gold, gold)
