"""What the sources of an evaluation are, for tables and figures: in groups, and each in a few words."""

from collections.abc import Iterable

BASE = "base"
METHOD = "generated"
TRAINED = "trained/"
NO_DECODER = ("trained_mean", "weight_average", "nearest_prompts", "multi_task", "multi_task_long")
OTHER_PROMPTS = ("generated/shuffled_prompts", "generated/foreign_prompts", "generated/random_prompts", "constant")
CEILINGS = ("best_trained", "target_trained")

# In the order in which an evaluation file has them.
MEANING = {
    BASE: "the base model without an adapter",
    "trained_mean": "mean score of the training tasks' adapters, one at a time",
    "best_trained": "the training task's adapter that does best on these very rows: a ceiling, not a method",
    "weight_average": "one adapter: the element-wise mean of the training adapters",
    "nearest_prompts": "the adapter of the training task whose prompts are most like the held-out task's",
    "multi_task": "one adapter, trained on the samples of all training tasks together",
    "multi_task_long": "the same on more samples: as many as a learned generator saw, or as the experiment says",
    "target_trained": "the adapter trained on the held-out task itself: a ceiling",
    METHOD: "the method: what the generator makes of prompts of the held-out task",
    "generated/shuffled_prompts": "the same generator, the words of each prompt in random order",
    "generated/foreign_prompts": "the same generator, prompts of a training task",
    "generated/random_prompts": "the same generator, prompts of random words",
    "constant": "the same generator, the mean condition of the training tasks: it reads no prompt",
}


def is_further(source: str) -> bool:
    """Whether a source is a generator beside the experiment's own: it has a name of its own, its kind's.

    Which kinds there are is not asked, so that a new one is no reason to evaluate again.
    """
    return source not in MEANING and "/" not in source


def tabled(names: Iterable[str]) -> list[str]:
    """Names in their order, each once, without the single training adapters."""
    return [name for name in dict.fromkeys(names) if not name.startswith(TRAINED)]
