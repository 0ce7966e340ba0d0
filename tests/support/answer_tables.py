"""Tables of predictions, as an evaluation writes them beside its JSON file."""

import numpy as np
import pandas as pd

# A few texts, what the strict parser reads in them (letters A, B, C), and what the official scorer does.
TEXTS = {"[A]": 0, "[B]": 1, "[C]": 2, " C": -1, "(A)": -1, "C.": -1, "": -1}
OFFICIAL = {"[A]": "A", "[B]": "B", "[C]": "C", " C": "C", "(A)": "A"}


def counted_officially(text, response):
    """Whether the published scorer counts one of TEXTS."""
    return f"[{OFFICIAL.get(text)}]" == response


def likelihoods(without_end, characters=None):
    """Columns of what `acc` and `acc_norm` are counted from, a list for each row; without `characters`, one each."""
    sizes = [[1] * len(row) for row in without_end] if characters is None else characters
    return {"likelihoods_without_end": [np.float32(row) for row in without_end], "characters": list(sizes)}


def assert_alike(found, expected, names=("likelihoods", "likelihoods_without_end")):
    """The same predictions, their log-likelihoods up to rounding."""
    assert found.drop(columns=[*names]).equals(expected.drop(columns=[*names]))
    for name in names:
        assert np.abs(np.stack(found[name].to_list()) - np.stack(expected[name].to_list())).max() < 1e-4


def table(source, gold, texts, **columns):
    """One source's rows: the right response to each, the text that it gave and what the strict parser reads in it."""
    return pd.DataFrame(
        {
            "source": source,
            "id": [f"row-{i}" for i in range(len(gold))],
            "gold": gold,
            "response": [f"[{'ABC'[g]}]" for g in gold],
            "text": texts,
            "prediction": [TEXTS[text] for text in texts],
            **columns,
        }
    )


def first_right(right_by_source, rows=10):
    """Each source answers its first rows rightly and the others not at all."""
    tables = [
        table(
            source,
            [1] * rows,
            ["[B]"] * right + [""] * (rows - right),
            choices=2,
            choice=1,
            **likelihoods([[-2.0, -1.0]] * rows),
        )
        for source, right in right_by_source.items()
    ]
    return pd.concat(tables, ignore_index=True)


def free_answers(sources, rows=40, seed=0):
    """Each source gives free answers, right more often the later it stands, some of them not valid; in any order."""
    generator = np.random.default_rng(seed)
    response = generator.choice(["one", "two", "three"], size=rows, p=[0.2, 0.5, 0.3])
    tables = []
    for position, source in enumerate(sources):
        known = generator.random(rows) < position / len(sources)
        table = pd.DataFrame(
            {
                "source": source,
                "id": [f"row-{i}" for i in range(rows)],
                "response": response,
                "text": np.where(known, response, "four"),
                "ended": True,
                "valid": known | (generator.random(rows) < 0.5),
                "right": known,
            }
        )
        tables.append(table.sample(frac=1, random_state=position))
    return pd.concat(tables, ignore_index=True)


def random_answers(sources, rows=40, seed=0, option_text=True):
    """Each source gives one of TEXTS to each row, the right one more often the later it stands; rows in any order."""
    generator = np.random.default_rng(seed)
    gold = generator.choice(3, size=rows, p=[0.2, 0.5, 0.3])
    tables = []
    for position, source in enumerate(sources):
        texts = generator.choice(list(TEXTS), size=rows)
        known = generator.random(rows) < position / len(sources)
        texts = [f"[{'ABC'[g]}]" if k else text for g, k, text in zip(gold, known, texts, strict=True)]
        columns = {name: generator.integers(3, size=rows) for name in ("choice", "choice_text")[: 1 + option_text]}
        columns |= likelihoods(generator.normal(-9, 3, (rows, 3)), generator.integers(1, 9, (rows, 3)))
        tables.append(table(source, gold, texts, choices=3, **columns).sample(frac=1, random_state=position))
    return pd.concat(tables, ignore_index=True)
