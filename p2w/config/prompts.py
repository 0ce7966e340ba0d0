"""Which prompts stand for a task."""

from typing import Literal

from pydantic import Field

from p2w.config.settings import Count, Settings

Form = Literal["prompt", "prompt_answer", "mix"]


class PromptSelection(Settings):
    """Which prompts of the train split stand for a task, and what is read of them."""

    max_per_task: Count = Field(description="a seeded choice of so many distinct prompts")
    form: Form = Field(
        "prompt",
        description="What the encoder reads of a row. prompt is the method. prompt_answer and mix (four prompts to one"
        " prompt with its answer) exist for the paper's ablation ONLY: they show the decoder the ANSWERS of train-split"
        " rows, those of the HELD-OUT task included, so that nothing made with them is zero-shot",
    )
