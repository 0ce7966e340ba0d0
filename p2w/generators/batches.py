"""What the decoder learns from: the tasks in memory, and random batches of them.

The items of a step, and the noise on each, are drawn for the whole batch. They do not depend on the pieces in which a
batch is computed, nor on how many processes share it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from p2w.adapters.checkpoints import blocks_of
from p2w.adapters.weight_tokens import WeightTokens, token_weight
from p2w.config.decoder import DecoderConfig
from p2w.config.validation import least
from p2w.generators.contract import Prompts
from p2w.generators.features import Part
from p2w.generators.generation import pick_prompts, stream
from p2w.generators.validation import Split, split

ITEMS, NOISE, APART = 1, 2, 3  # uses of the seed, besides the decoder's first parameters
CHUNK = 2**23  # adapter values that are tokenized at once; their copies stay in a processor's cache

Device = torch.device | str


@dataclass(frozen=True)
class TaskData:
    """One training task: its prompts and its targets (checkpoints or 1, T, R, W); and of what is kept apart for
    validation the prompts and the mean target (T, R, W)."""

    name: str
    prompts: Prompts
    targets: Tensor
    apart: tuple[Prompts, Tensor] | None = None


def load_tasks(
    config: DecoderConfig,
    spec: WeightTokens,
    conditions: Mapping[str, Prompts],
    checkpoints: Mapping[str, Tensor],
    device: Device,
    seed: int = 0,
) -> tuple[list[TaskData], Tensor]:
    """The tasks by name, their weight tokens where `config.targets` says; and every token's weight in the loss (T,).

    The flat weights of one task are looked up, once, when its turn comes; `seed` decides what is kept apart of them.
    Raises ValueError: tasks, prompts or checkpoints that do not fit together.
    """
    if not checkpoints or set(conditions) != set(checkpoints):
        raise ValueError(f"training tasks: found prompts of {sorted(conditions)}, expected {sorted(checkpoints)}")
    for task, prompts in conditions.items():
        if len(prompts) < (needed := least(config.num_prompts, config.validation)):
            raise ValueError(f"{task}: found {len(prompts)} prompts, expected {needed} or more")
    random = Generator().manual_seed(stream(seed, APART))
    tasks = [_load(config, spec, task, conditions[task], checkpoints, random, device) for task in sorted(checkpoints)]
    weighted = config.loss == "weighted"
    weight = token_weight(task.targets for task in tasks) if weighted else torch.ones(spec.num_tokens)
    if config.pairing == "expected":
        tasks = [replace(task, targets=task.targets.mean(dim=0, keepdim=True)) for task in tasks]
    return tasks, weight.to(device)


def _load(
    config: DecoderConfig,
    spec: WeightTokens,
    task: str,
    prompts: Prompts,
    checkpoints: Mapping[str, Tensor],
    random: Generator,
    device: Device,
) -> TaskData:
    """A task's prompts and weight tokens, and what is kept apart of both."""
    count, blocks = blocks_of(checkpoints, task)
    texts = split(f"prompts of {task}", len(prompts), config.validation, random)
    rows = split(f"checkpoints of {task}", count, config.validation, random)
    tokens, target = _tokenize(config, spec, task, blocks, rows, device)
    if not config.validation:
        return TaskData(task, prompts, tokens)
    learned, apart = (Part(prompts, chosen.to(device)) for chosen in texts)
    return TaskData(task, learned, tokens, (apart, target))


def _tokenize(
    config: DecoderConfig, spec: WeightTokens, task: str, blocks: Iterable[Tensor], rows: Split, device: Device
) -> tuple[Tensor, Tensor]:
    """Flat weights, blocks (n, size) -> tokens (rows learned, T, R, W) float32, pinned on the host when a GPU is to
    fetch them; and the mean of the tokens of those kept apart, NaN without any."""
    host = config.targets == "host"
    pinned = host and torch.device(device).type == "cuda"
    tokens = torch.empty((len(rows.learned), *spec.shape), device="cpu" if host else device, pin_memory=pinned)
    total, seen, done = torch.zeros(spec.shape, device=device), 0, 0
    for block in blocks:
        # No target is NaN from here on: the loss would leave it out, and a broken checkpoint would pass unseen.
        if bad := int((~block.isfinite()).sum()):
            raise ValueError(f"checkpoints of {task}: found {bad} values that are not finite, expected none")
        for piece in block.split(max(1, CHUNK // spec.layout.size)):
            apart = torch.isin(torch.arange(seen, seen + len(piece)), rows.apart)
            learned = piece[~apart] if apart.any() else piece
            tokens[done : done + len(learned)] = spec.tokenize(learned.to(device))
            if apart.any():
                total += spec.tokenize(piece[apart].to(device)).sum(0)
            seen, done = seen + len(piece), done + len(learned)
    return tokens, total / len(rows.apart)


@dataclass(frozen=True)
class Items:
    """The items of one batch: number of the task, numbers of the prompts (B, N), number of the target."""

    tasks: list[int]
    prompts: Tensor
    targets: list[int]


class Batches:
    """Random batches; an item is a task, fresh prompts of it, one of its targets; this process computes `own` items."""

    def __init__(self, config: DecoderConfig, tasks: list[TaskData], seed: int, device: Device, own: range) -> None:
        self.config, self.tasks, self.device, self.own = config, tasks, device, own
        probe = tasks[0].prompts.gather(torch.zeros(1, dtype=torch.int64, device=device))
        self.condition_shape = (config.num_prompts, *probe.shape[1:])
        self.target_shape = tuple(tasks[0].targets.shape[1:])
        # Choices are made on the CPU, so that they are the same on every device.
        self.items = Generator().manual_seed(stream(seed, ITEMS))
        self.noise = Generator(device).manual_seed(stream(seed, NOISE))

    def position(self) -> dict[str, Tensor]:
        """Where the random numbers stand between two batches, uint8."""
        return {"items": self.items.get_state(), "noise": self.noise.get_state()}

    def seek(self, position: Mapping[str, Tensor]) -> None:
        """Inverse of `position`."""
        self.items.set_state(position["items"])
        self.noise.set_state(position["noise"])

    def next(self, size: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """The own part of the next batch in pieces: conditions (b, N, L, C), targets (b, T, R, W). Take all of them.

        Pieces have `size` items, or as many as the configuration names.
        """
        config, items = self.config, self._choose_items()
        size = size or config.micro_batch_size or len(self.own)
        pieces = [self.own[start : start + size] for start in range(0, len(self.own), size)]
        condition_noise = _Noise(self.noise, self.condition_shape, config.condition_noise)
        if pieces != [range(config.batch_size)]:
            # In the stream of random numbers the noise on the targets comes after that on all conditions.
            condition_noise = _Noise(self.noise.clone_state(), self.condition_shape, config.condition_noise)
            _Noise(self.noise, self.condition_shape).skip_to(config.batch_size)
        target_noise = _Noise(self.noise, self.target_shape, config.weight_noise)
        for piece in pieces:
            yield (
                condition_noise.add(self._conditions(items, piece), piece.start),
                target_noise.add(self._targets(items, piece), piece.start),
            )
        target_noise.skip_to(config.batch_size)

    def _choose_items(self) -> Items:
        chosen = [self._choose_item() for _ in range(self.config.batch_size)]
        tasks, prompts, targets = zip(*chosen, strict=True)
        return Items(list(tasks), torch.stack(prompts).to(self.device), list(targets))

    def _choose_item(self) -> tuple[int, Tensor, int]:
        number = self._choose(len(self.tasks))
        task = self.tasks[number]
        prompts = pick_prompts(len(task.prompts), self.config.num_prompts, self.items, task.name)
        return number, prompts, self._choose(len(task.targets))

    def _choose(self, count: int) -> int:
        return int(torch.randint(count, (1,), generator=self.items))

    def _conditions(self, items: Items, piece: range) -> Tensor:
        """(b, N, L, C): one gather for all items of a task."""
        conditions = torch.empty(len(piece), *self.condition_shape, device=self.device)
        for number in {items.tasks[item] for item in piece}:
            places = [place for place, item in enumerate(piece) if items.tasks[item] == number]
            chosen = items.prompts[[piece[place] for place in places]]
            conditions[places] = self.tasks[number].prompts.gather(chosen)
        return conditions

    def _targets(self, items: Items, piece: range) -> Tensor:
        """(b, T, R, W); from pinned memory the copies run beside the computation."""
        targets = torch.empty(len(piece), *self.target_shape, device=self.device)
        for place, item in enumerate(piece):
            targets[place].copy_(self.tasks[items.tasks[item]].targets[items.targets[item]], non_blocking=True)
        return targets


class _Noise:
    """Normal numbers for one item after the other: an item's are the same whoever takes it and whatever goes before.

    On the CPU they are also those of one draw for all items, provided that an item has a multiple of 16 values.
    """

    def __init__(self, generator: Generator, shape: tuple[int, ...], scale: float = 1.0) -> None:
        self.generator, self.shape, self.scale, self.done = generator, shape, scale, 0

    def _draw(self) -> Tensor:
        self.done += 1
        return torch.randn(self.shape, generator=self.generator, device=self.generator.device)

    def skip_to(self, item: int) -> None:
        """Pass over the items before `item`."""
        while self.done < item:
            self._draw()

    def add(self, x: Tensor, first: int) -> Tensor:
        """`x` (b, *shape) of the items from `first` on, with their noise, in place."""
        self.skip_to(first)
        for row in x:
            row += self._draw().mul_(self.scale)
        return x
