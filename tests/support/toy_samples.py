"""Labelled samples of unequal length."""

import pandas as pd


def free_samples() -> pd.DataFrame:
    """The same to be answered freely, by a digit."""
    answers = [str(number % 3) for number in range(22)]
    blank = pd.Series([[] for _ in range(22)])
    return (
        toy_samples().assign(choices=blank, responses=blank, answer=pd.NA, response=answers).astype({"answer": "Int64"})
    )


def toy_samples() -> pd.DataFrame:
    """22 of them, in the columns that `render_samples` makes."""
    letters = ("[A]", "[B]")
    rows = [
        {
            "id": f"toy-{number}",
            "question": "?" * (1 + number % 7),
            "choices": ["yes", "no"],
            "answer": number % 2,
            "system": "Pick.",
            "prompt": f"{number}{'?' * (1 + number % 7)}\nA: yes\nB: no",
            "responses": list(letters),
            "response": letters[number % 2],
            "tests": None,
        }
        for number in range(22)
    ]
    return pd.DataFrame(rows).astype({"answer": "Int64"})
