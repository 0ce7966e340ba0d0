"""Programs against tests, as MBPP and HumanEval have them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from p2w.config.scoring import Score
from p2w.config.suites import load_tasks
from p2w.data.samples import render_samples
from p2w.evaluation.scores.code import assemble, find_code
from p2w.evaluation.scores.judge import judge
from p2w.evaluation.scores.verdict import WRONG, Verdict
from tests.support.programs import need_sandbox

RIGHT, MISSED, INVALID = Verdict(True, True), Verdict(False, True), WRONG

# google-research-datasets/mbpp, task 11.
MBPP = (
    'assert remove_Occ("hello","l") == "heo"\n'
    'assert remove_Occ("abcda","a") == "bcd"\n'
    'assert remove_Occ("PHP","P") == "H"'
)
REMOVE = 'def remove_Occ(s, ch):\n    return s.replace(ch, "", 1)[::-1].replace(ch, "", 1)[::-1]\n'
# openai/openai_humaneval, HumanEval/23, and the helper that a prompt such as HumanEval/38 brings along.
PROMPT = (
    "from math import sqrt\n\ndef twice(x):\n    return 2 * x\n\n"
    'def strlen(string: str) -> int:\n    """ Length\n    """'
)
TEST = "def check(candidate):\n    assert candidate('') == 0\n    assert candidate('abc') == 3"
HUMANEVAL = f"{PROMPT}\n# answer\n{TEST}\ncheck(strlen)"
BODY, WHOLE = "    return len(string)", "def strlen(string):\n    return len(string)"

TABLE = [
    # tests, answer, verdict
    (MBPP, REMOVE, RIGHT),
    (MBPP, f"```python\n{REMOVE}```", RIGHT),
    (MBPP, f"Here it is:\n\n```python\n{REMOVE}```\nIt works.\n```\nno code\n```", RIGHT),
    (MBPP, f"```\n{REMOVE}", RIGHT),
    (MBPP, f"  ```py\n{REMOVE}\n  ```", RIGHT),
    (MBPP, f"{REMOVE}\nif __name__ == '__main__':\n    input()", RIGHT),
    (MBPP, f"{REMOVE}\nimport os, sys\nsys.stdout.close()\nos.close(1)", RIGHT),
    (MBPP, f"from dataclasses import dataclass\n\n@dataclass\nclass A:\n    x: 'int'\n\n{REMOVE}", RIGHT),
    (MBPP, 'def remove_Occ(s, ch):\n    return s.replace(ch, "", 1)', MISSED),
    (MBPP, REMOVE.replace("remove_Occ", "remove"), MISSED),
    (MBPP, "def remove_Occ(s, ch):\n    pass", MISSED),
    (MBPP, f"import numpy\n{REMOVE}", MISSED),
    (MBPP, f"{REMOVE}\nraise SystemExit", MISSED),
    (MBPP, "", MISSED),
    (MBPP, f"Here it is: {REMOVE}", INVALID),
    (MBPP, "def remove_Occ(s, ch:\n", INVALID),
    (MBPP, "x = '\0'", INVALID),
    (MBPP, "(" * 5000 + ")" * 5000, INVALID),
    (HUMANEVAL, BODY, RIGHT),
    (HUMANEVAL, f"\n{BODY}\n", RIGHT),
    (HUMANEVAL, WHOLE, RIGHT),
    (HUMANEVAL, f"```python\n{WHOLE}\n```", RIGHT),
    (HUMANEVAL, f"```python\n{PROMPT}\n{BODY}\n```", RIGHT),
    (HUMANEVAL, f"```python\n{BODY}\n```", RIGHT),
    (HUMANEVAL, "def strlen(string):\n    return int(sqrt(len(string) ** 2)) * twice(1) // 2", RIGHT),
    (HUMANEVAL, "    return twice(len(string))", MISSED),
    (HUMANEVAL, "", MISSED),
    (HUMANEVAL, "return len(string)", INVALID),
    (HUMANEVAL, "It is the length.", INVALID),
]


def test_table_of_programs():
    need_sandbox()
    samples = pd.DataFrame({"response": "", "tests": [row[0] for row in TABLE]})
    texts = [row[1] for row in TABLE]
    found = judge(Score(kind="code", tests="{test}"), texts, [True] * len(TABLE), samples, execute_code=True)
    wrong = [(row, verdict) for row, verdict in zip(TABLE, found, strict=True) if verdict != row[2]]
    assert wrong == []


@pytest.mark.parametrize("name", ["mbpp", "humaneval"])
def test_a_rows_own_solution_passes_its_tests(name):
    need_sandbox()
    case = next(case for case in json.loads(Path("tests/golden/prompts.json").read_text()) if case["name"] == name)
    task, answer_format = load_tasks("config/tasks").entry(name)
    samples = render_samples(name, task, answer_format, pd.DataFrame([case["row"]]), "test")
    texts = [samples["response"][0], samples["response"][0].replace("return", "return 1 +")]
    twice = pd.concat([samples, samples], ignore_index=True)
    assert judge(task.score, texts, [True, True], twice, execute_code=True) == [RIGHT, MISSED]


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("x", "x"),
        ("```\nx\n```", "x\n"),
        ("a\n```python\nx\n\ny\n```\n```\nz\n```", "x\n\ny\n"),
        ("```python\nx", "x"),
        ("s = '```'", "s = '```'"),
    ],
)
def test_the_first_fenced_block_is_the_program(text, program):
    assert find_code(text) == program


def test_what_stands_before_the_answers_line_comes_first():
    assert assemble("b", "a\n# answer\nc\n# answer\nd") == ("a\nb", "c\n# answer\nd")
    assert assemble("b", "c") == ("b", "c")
