"""An experiment: all that its file says, after the experiment it inherits from."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator

from p2w.config.base_model import BaseModel
from p2w.config.checkpoints import Checkpoints
from p2w.config.decoder import DecoderConfig
from p2w.config.encoder import PromptEncoder
from p2w.config.evaluation import Evaluation
from p2w.config.finetuning import FinetuneConfig
from p2w.config.lora import LoraSettings
from p2w.config.mistakes import listed
from p2w.config.prompts import PromptSelection
from p2w.config.settings import Settings, Text, Whole

T = TypeVar("T")


def _once(values: tuple[T, ...]) -> tuple[T, ...]:
    if repeated := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"found {listed(repeated)} more than once, expected once")
    return values


Tasks = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_once)]


class Experiment(Settings):
    """A section is read by the stage of its name and by no other, so a change reruns what depends on it."""

    description: str = Field("", description="One line on what this experiment is for")
    source: Text = Field(description="Where raw tables come from, a name in config/sources.yaml")
    seed: Whole = Field(description="All randomness of the experiment derives from it")
    tasks: Tasks = Field(
        description="Tasks of the suites in config/tasks, or `task.format` to ask one in another answer format (two or"
        " more without training_tasks); each takes its turn as the held-out one"
    )
    held_out: Tasks | None = Field(
        None, description="The tasks that take their turn as the held-out one, when they are not all of `tasks`"
    )
    seeds: Annotated[tuple[Whole, ...], Field(min_length=1), AfterValidator(_once)] | None = Field(
        None, description="Seeds of the decoder; those besides `seed` train decoders of their own, in folders seed_{n}"
    )
    training_tasks: Tasks | None = Field(
        None, description="Tasks that decoders may train on, when they are not all of `tasks`; never the held-out one"
    )
    base_model: BaseModel = Field(description="The frozen model")
    lora: LoraSettings = Field(description="Shape and start of the adapters")
    finetune: FinetuneConfig = Field(description="One epoch of training an adapter")
    checkpoints: Checkpoints = Field(description="Which epochs' snapshots a decoder learns from")
    encoder: PromptEncoder = Field(description="The frozen prompt encoder")
    prompts: PromptSelection = Field(description="Which prompts of the train split stand for a task")
    decoder: DecoderConfig = Field(description="The hyper-convolutional decoder and its training")
    evaluation: Evaluation = Field(description="What is scored")

    @property
    def takes_turns(self) -> tuple[str, ...]:
        """The tasks that take their turn as the held-out one in the summary."""
        return self.held_out or self.tasks

    def trained_without(self, held_out: str) -> list[str]:
        """Every task that the decoder for a held-out task may see."""
        return [task for task in self.training_tasks or self.tasks if task != held_out]

    @model_validator(mode="after")
    def _there_is_a_training_task(self) -> "Experiment":
        if self.training_tasks is None and len(self.tasks) < 2:
            raise ValueError(f"tasks: found {list(self.tasks)}, expected a list of at least 2, or training_tasks")
        for task in self.takes_turns:
            count, most = len(self.trained_without(task)), self.finetune.max_samples
            if not count:
                raise ValueError(f"held_out: found {task!r}, which leaves no training task, expected another one")
            if count > most:
                raise ValueError(f"finetune.max_samples: found {most}, expected one for each of {count} training tasks")
        return self

    @model_validator(mode="after")
    def _a_decoder_can_be_made(self) -> "Experiment":
        needed, most = self.decoder.num_prompts, self.prompts.max_per_task
        if needed > most:
            raise ValueError(f"decoder.num_prompts: found {needed}, expected at most prompts.max_per_task ({most})")
        if self.lora.rank * self.decoder.token_width == 1:
            raise ValueError("decoder.token_width: found 1, expected two or more for lora.rank 1")
        return self
