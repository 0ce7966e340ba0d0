"""An adapter, the base model and controls on labelled samples, scored as an experiment's sources are."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from p2w.config.base_model import BaseModel
from p2w.config.evaluation import EvaluationConfig, FreeAnswers
from p2w.config.scoring import Kind, Score
from p2w.data.questions import has_choices, read_questions
from p2w.data.samples import read_samples
from p2w.data.tables import read_items
from p2w.evaluation.evaluate import predict, select_rows
from p2w.evaluation.metrics import right, score
from p2w.evaluation.paired import mcnemar
from p2w.runtime.device import best_device
from p2w.runtime.progress import reporter, say
from p2w.runtime.tables import METADATA_KEY
from p2w.using.adapter import Adapter
from p2w.using.generator import Generator

BATCH_TOKENS = 4096
ADAPTER, CONSTANT, NEAREST = "adapter", "no prompt", "nearest task"
PROMPTS, RESPONSES = ("prompt", "question", "text"), ("response", "answer")


def read_labelled(path: Path, system: str) -> pd.DataFrame:
    """Samples that are to be answered: those of the workflow, or the rows of any file with a prompt and a response, or
    with a prompt, the answers on offer (columns a, b, …) and the answer that is right. Texts are taken as they are.

    `system` is for rows that have no system prompt of their own. Raises ValueError: names file, row, found, expected.
    """
    if path.suffix == ".parquet" and _is_ours(path):
        return read_samples(path)
    items = read_items(path)
    if has_choices(items) and not any("response" in item for item in items if isinstance(item, Mapping)):
        rows = [
            _of_choices(f"{path}[{number}]", row, system) for number, row in enumerate(read_questions(path).to_pylist())
        ]
    else:
        rows = [_row(f"{path}[{number}]", number, item, system) for number, item in enumerate(items)]
    return pd.DataFrame(rows).astype({"answer": "Int64"})


def _is_ours(path: Path) -> bool:
    """Whether P2W wrote a table, so that it is samples or an error."""
    try:
        return METADATA_KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):  # whoever reads it says what is wrong
        return False


def _of_choices(where: str, row: Mapping[str, Any], system: str) -> dict[str, object]:
    if row["answer"] is None:
        raise ValueError(f"{where}: answer: found none, expected which of {row['choices']} is right")
    right = int(row["answer"])
    return {
        **{"id": row["id"], "question": row["question"], "system": system, "prompt": row["question"], "tests": None},
        **{"choices": row["choices"], "responses": row["choices"], "answer": right, "response": row["choices"][right]},
    }


def _row(where: str, number: int, item: object, system: str) -> dict[str, object]:
    if not isinstance(item, Mapping):
        raise ValueError(f"{where}: found {str(item)[:80]!r}, expected a row with a prompt and a response")
    found = [next((item[name] for name in names if item.get(name)), None) for names in (PROMPTS, RESPONSES)]
    for names, text in zip((PROMPTS, RESPONSES), found, strict=True):
        if text is None:
            raise ValueError(f"{where}: found columns {', '.join(map(str, item))}, expected a text in {names[0]}")
    prompt, response = map(str, found)
    own = item.get("system")
    return {
        **{"id": str(number), "question": prompt, "choices": [], "answer": pd.NA, "responses": [], "tests": None},
        **{"system": system if own is None else str(own), "prompt": prompt, "response": response},
    }


def controls_of(adapter: Adapter, given: str | None = None) -> dict[str, Adapter]:
    """What the adapter has to beat: what its generator makes of no prompt, and the adapter of the training task that is
    nearest to its prompts. What is not to be had is said, and left out.

    `given` is where the generator is, if not where the adapter says. Raises ValueError: it is another generator.
    """
    made = adapter.record.get("generator")
    if made is None and given is None:
        say("no control: the adapter does not say which generator made it; --generator says where one is")
        return {}
    try:
        generator = Generator.from_pretrained(given or made["place"])
    except ValueError as error:
        if given is not None:
            raise
        say(f"no control: {error}")
        return {}
    found = generator.code["generator"]["sha256"]
    if made is not None and found != made["sha256"]:
        raise ValueError(f"{generator.place}: sha256: found {found}, expected {made['sha256']} as the adapter says")
    return {CONSTANT: generator.of_no_prompt(), **_nearest(generator, adapter)}


def _nearest(generator: Generator, adapter: Adapter) -> dict[str, Adapter]:
    if "nearest" not in adapter.record:
        say(f"no control {NEAREST!r}: the adapter does not say which one is the nearest")
        return {}
    task = next(iter(adapter.record["nearest"]))
    own = generator.of_task(task)
    if own is None:
        say(f"no control {NEAREST!r}: a generator of this kind keeps no adapters")
        return {}
    say(f"{NEAREST}: {task}")
    return {NEAREST: own}


def score_sources(
    base: BaseModel,
    samples: pd.DataFrame,
    adapters: Mapping[str, Adapter],
    most: int,
    seed: int,
    score: Kind,
    max_new_tokens: int,
) -> pd.DataFrame:
    """Answers of the base model and of each adapter to the same rows, `most` at most; columns as in
    `p2w.evaluation.predictions`. Rows with choices are scored by these, others by `score`."""
    rows = select_rows(samples, most, seed)
    config = EvaluationConfig(max_rows=most, batch_tokens=BATCH_TOKENS)
    free = None
    if not rows["choices"].map(len).all():
        free = FreeAnswers(score=Score(kind=score), max_new_tokens=max_new_tokens)
    with TemporaryDirectory(prefix="p2w-") as folder:
        places = {name: Path(folder, name) for name in adapters}
        for name, adapter in adapters.items():
            adapter.save_pretrained(places[name])
        return predict(base, rows, places, config, best_device(), reporter("answers"), free=free)


def scores_table(predictions: pd.DataFrame) -> str:
    """Accuracy with its interval, source by source, and whether the adapter is better than the others."""
    tables = {name: table.set_index("id") for name, table in predictions.groupby("source", sort=False)}
    lines = [f"{'':<12} accuracy  95 % interval   valid  against the adapter"]
    ours = right(tables[ADAPTER]).to_numpy(dtype=bool)
    for name, table in tables.items():
        found, theirs = score(table), right(table).to_numpy(dtype=bool)
        low, high = found["ci95"]
        better, worse = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
        note = (
            "" if name == ADAPTER else f"right only here {worse}, only there {better}, p {mcnemar(better, worse):.2g}"
        )
        interval = f"{low:.3f} - {high:.3f}"
        lines.append(f"{name:<12} {found['accuracy']:>8.3f}  {interval}   {found['valid']:>5.2f}  {note}".rstrip())
    return "\n".join([*lines, f"{len(ours)} rows; p is that of the exact McNemar test"])
