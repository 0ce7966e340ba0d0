"""An experiment: all that its file says, after the experiment it inherits from."""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator

from p2w.config.base_model import BaseModel
from p2w.config.checkpoints import Checkpoints
from p2w.config.decoder import DecoderConfig
from p2w.config.encoder import PromptEncoder
from p2w.config.evaluation import Evaluation
from p2w.config.finetuning import FinetuneConfig
from p2w.config.generator import KINDS, GeneratorConfig
from p2w.config.jobs import Jobs
from p2w.config.lora import LoraSettings
from p2w.config.mistakes import listed
from p2w.config.prompts import PromptSelection
from p2w.config.settings import Settings, Text, Whole
from p2w.config.tasks import Name
from p2w.config.validation import least

T = TypeVar("T")


def _divided(values: Sequence[T], size: int | None) -> list[Sequence[T]]:
    """So many at a time; none without a size."""
    return [values[start : start + size] for start in range(0, len(values), size)] if size else []


def _once(values: tuple[T, ...]) -> tuple[T, ...]:
    if repeated := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"found {listed(repeated)} more than once, expected once")
    return values


Tasks = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_once)]
Group = Annotated[tuple[Text, ...], Field(min_length=2)]
HeldOut = tuple[Text | Group | Annotated[dict[Name, Group], Field(min_length=1)], ...]


class Experiment(Settings):
    """A section is read by the stage of its name and by no other, so a change reruns what depends on it."""

    description: str = Field("", description="One line on what this experiment is for")
    source: Text = Field(description="Where raw tables come from, a name in config/sources.yaml")
    seed: Whole = Field(description="All randomness of the experiment derives from it")
    tasks: Tasks = Field(
        description="Tasks of the suites in config/tasks, or `task.format` to ask one in another answer format (two or"
        " more without training_tasks); each takes its turn as the held-out one"
    )
    held_out: HeldOut | None = Field(
        None,
        description="What takes its turn to be held out, when it is not each of `tasks`: tasks, and groups held out"
        " together, `{name: [task, …]}` or a bare list (`group_1` and so on)",
    )
    seeds: Annotated[tuple[Whole, ...], Field(min_length=1), AfterValidator(_once)] | None = Field(
        None, description="Seeds of a generator that has any; those besides `seed` train others, in folders seed_{n}"
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
    generator: GeneratorConfig = Field(GeneratorConfig(), description="What makes adapters from prompts")
    generators: tuple[GeneratorConfig, ...] = Field(
        (), description="Further generators, each of another kind, compared with the first on the same prompts"
    )
    decoder: DecoderConfig = Field(description="The hyper-convolutional decoder and its training")
    evaluation: Evaluation = Field(description="What is scored")
    jobs: Jobs = Field(Jobs(), description="How the work is divided into jobs")

    @cached_property
    def turns(self) -> dict[str, tuple[str, ...]]:
        """What is held out in turn: the name of a task or a group, and the tasks that its decoder may not see."""
        return dict(self._turns())

    def _turns(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        unnamed = 0
        for entry in self.held_out or self.tasks:
            if isinstance(entry, str):
                yield entry, (entry,)
            elif isinstance(entry, dict):
                yield from entry.items()
            else:
                unnamed += 1
                yield f"group_{unnamed}", entry

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The groups among `turns`."""
        return {name: tasks for name, tasks in self.turns.items() if tasks != (name,)}

    @property
    def takes_turns(self) -> tuple[str, ...]:
        """The tasks that are held out in the summary, alone or in a group: each is evaluated."""
        return tuple(task for tasks in self.turns.values() for task in tasks)

    def turn_of(self, task: str) -> str:
        """In which turn a task is held out: a group's name, or its own."""
        return next((name for name, tasks in self.groups.items() if task in tasks), task)

    def held_out_in(self, turn: str) -> tuple[str, ...]:
        """The tasks that are held out together; ValueError when `turn` is a task that a group has."""
        if (group := self.turn_of(turn)) != turn:
            raise ValueError(f"{turn} is held out together with others, as {group!r}: expected {group} in its place")
        return self.turns.get(turn, (turn,))

    def trained_without(self, turn: str) -> list[str]:
        """Every task that the decoder of a held-out task or group may see."""
        held_out = self.held_out_in(turn)
        return [task for task in self.training_tasks or self.tasks if task not in held_out]

    @property
    def by_kind(self) -> dict[str, GeneratorConfig]:
        """All generators, the main one first."""
        return {one.kind: one for one in (self.generator, *self.generators)}

    @property
    def least_prompts(self) -> int:
        """Distinct prompts that every task must have: those of a condition beside those kept apart for validation."""
        chosen = [self.decoder if kind == "hyperconv" else one for kind, one in self.by_kind.items()]
        return max(least(self.decoder.num_prompts, one.validation) for one in chosen)

    def further_seeds(self, kind: str) -> list[int]:
        """Seeds besides `seed` that generators of this kind are trained with."""
        return [seed for seed in self.seeds or () if seed != self.seed and KINDS[kind].seeded]

    @property
    def trained(self) -> tuple[str, ...]:
        """Every task of which the summary needs an adapter."""
        return tuple(dict.fromkeys([*(self.training_tasks or self.tasks), *self.takes_turns]))

    def together(self, size: int | None, without: Collection[str] = ()) -> list[Sequence[str]]:
        """The tasks of `trained`, without some, that share a job, so many at a time; none without a size."""
        return _divided(tuple(task for task in self.trained if task not in without), size)

    @property
    def draws_together(self) -> list[Sequence[int]]:
        """The draws that share a job, so many at a time; none where each has its own."""
        return [draws for draws in _divided(range(self.evaluation.draws), self.jobs.draws) if len(draws) > 1]

    @model_validator(mode="after")
    def _every_task_has_one_turn(self) -> "Experiment":
        if self.held_out == ():
            raise ValueError("held_out: found an empty list, expected at least one task or group")
        names = [name for name, _ in self._turns()]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"held_out: found {listed(repeated)} more than once, expected once")
        if repeated := [task for task in self.takes_turns if self.takes_turns.count(task) > 1]:
            raise ValueError(f"held_out: found {listed(repeated)} more than once, expected every task in one place")
        return self

    @model_validator(mode="after")
    def _there_is_a_training_task(self) -> "Experiment":
        if self.training_tasks is None and len(self.tasks) < 2:
            raise ValueError(f"tasks: found {list(self.tasks)}, expected a list of at least 2, or training_tasks")
        for turn in self.turns:
            count, most = len(self.trained_without(turn)), self.finetune.max_samples
            if not count:
                raise ValueError(f"held_out: found {turn!r}, which leaves no training task, expected another one")
            for kind in self.by_kind:
                if count < (least := KINDS[kind].least_tasks):
                    raise ValueError(
                        f"held_out: found {turn!r}, which leaves {count} to learn from, {kind} needs {least}"
                    )
            if count > most:
                raise ValueError(f"finetune.max_samples: found {most}, expected one for each of {count} training tasks")
            if count > (most := self.evaluation.multi_task_samples or count):
                raise ValueError(f"evaluation.multi_task_samples: found {most}, expected one for each of {count}"
                                 " training tasks")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _samples_may_share_a_prefix(self) -> "Experiment":
        if self.finetune.shared_prefix and self.lora.dropout:
            found = f"true beside lora.dropout {self.lora.dropout}"
            raise ValueError(f"finetune.shared_prefix: found {found}, expected dropout 0: every sample draws its own")
        return self

    @model_validator(mode="after")
    def _every_generator_is_of_its_own_kind(self) -> "Experiment":
        kinds = [one.kind for one in (self.generator, *self.generators)]
        if repeated := [kind for kind in kinds[1:] if kinds.count(kind) > 1]:
            raise ValueError(f"generators: found kind {listed(repeated)} more than once, generator included,"
                             " expected each kind once")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _a_decoder_can_be_made(self) -> "Experiment":
        needed, most = self.decoder.num_prompts, self.prompts.max_per_task
        if needed > most:
            raise ValueError(f"decoder.num_prompts: found {needed}, expected at most prompts.max_per_task ({most})")
        if self.least_prompts > most:
            raise ValueError(f"prompts.max_per_task: found {most}, expected {self.least_prompts} or more: num_prompts"
                             f" ({needed}) and those that validation keeps apart")  # fmt: skip
        if self.lora.rank * self.decoder.token_width == 1:
            raise ValueError("decoder.token_width: found 1, expected two or more for lora.rank 1")
        return self
