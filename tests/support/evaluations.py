"""Evaluation files with chosen numbers, for tests of what is made from them."""

from p2w.evaluation.metrics import wilson

SHUFFLED, CONSTANT = "generated/shuffled_prompts", "constant"


def result(accuracy, valid=1.0, choice=1.0, n=100, **more):
    """One source of an evaluation file."""
    when_valid = accuracy / valid if valid else 0.0
    scores = {"accuracy": accuracy, "valid": valid, "accuracy_when_valid": when_valid, "choice_accuracy": choice}
    return {**scores, "ci95": wilson(accuracy, n), "adapters": 1, **more}


def free_evaluation(held_out, sources, half=0.04):
    """The same of a freely answered task."""
    found = evaluation(held_out, sources, half, chance=0.0, majority={"answer": "yellow", "accuracy": 0.1})
    without = {"choice_accuracy", "confusion", "official"}
    results = {name: {key: one[key] for key in one.keys() - without} for name, one in found["sources"].items()}
    return {**found, "sources": results}


def compared(difference, half=0.04, p=0.5):
    """One comparison of an evaluation file, its interval `half` to both sides."""
    interval = [difference - half, difference + half]
    return {"difference": difference, "ci95": interval, "mcnemar_p": p, "generated_only": 3, "other_only": 2, "n": 100}


def evaluation(held_out, sources, half=0.04, **more):
    """An evaluation file of 100 rows; `sources`: accuracy by name, or a whole result."""
    results = {name: value if isinstance(value, dict) else result(value) for name, value in sources.items()}
    if "generated" in results:
        results["generated"] = {"draws": 5, "std_over_draws": 0.011, **results["generated"], "adapters": 5}
    ours = results.get("generated", {}).get("accuracy")
    comparisons = {
        name: compared(ours - found["accuracy"], half)
        for name, found in results.items()
        if ours is not None and name not in ("generated", "trained_mean", "best_trained")
    }
    return {
        "experiment": "toy",
        "held_out": held_out,
        "split": "test",
        "n": 100,
        "chance": 0.25,
        "majority": {"label": 0, "accuracy": 0.3},
        "sources": results,
        "comparisons": comparisons,
        "provenance": {"seed": 7, "config": {"base_model": {"hub": None, "path": "toy/base"}}},
        **more,
    }
