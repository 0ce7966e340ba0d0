"""Training by what adapters are or do: in every step some are made for a few of the training tasks, and their loss.

A mixture is made of the other tasks' adapters only. Leaving the own one out makes a step what generation will be: for a
task from which nothing was learned. More are left out by chance (`task_dropout`): then no adapter can rely on a certain
other one, and few tasks make many mixtures.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from p2w.config.generator import GeneratorConfig
from p2w.generators.adapter_losses import Loss
from p2w.generators.contract import Prompts
from p2w.generators.generation import pick_prompts, stream
from p2w.generators.optimizers import optimizer_tensors, restore_optimizer
from p2w.generators.training import lr_schedule
from p2w.generators.validation import KEY, BestState, is_due, split
from p2w.runtime.finite import check_gradients, check_weights
from p2w.runtime.progress import Report, silent
from p2w.runtime.resume import UNSAVED, SavedState, State, join_parts, split_parts

CLIP_NORM = 1.0
APART = 2  # use of the seed for what is kept apart
ROWS = 16  # most samples of a task in a validation


class Losses(NamedTuple):
    """What adapters are judged by: `begin` for the first `warm_start` steps, `main` after these and in validation."""

    main: Loss
    begin: Loss


class AdapterTraining:
    """A learner, its optimizer and its randomness between two steps.

    Args:
        config: steps, rates, how many tasks and rows, how much is kept apart.
        learner: what is trained, a module as `p2w.generators.learners` has them.
        prompts: of each task, on the CPU.
        rows: of each task, how many labelled samples there are.
        losses: of adapters for tasks; their device is that of the learner.
    """

    def __init__(
        self,
        config: GeneratorConfig,
        learner: nn.Module,
        prompts: Mapping[str, Prompts],
        rows: Mapping[str, int],
        losses: Losses,
        num_prompts: int,
        seed: int,
    ) -> None:
        self.config, self.learner, self.losses, self.num_prompts = config, learner, losses, num_prompts
        self.tasks, self.prompts = sorted(prompts), prompts
        self.random, apart = Generator().manual_seed(stream(seed)), Generator().manual_seed(stream(seed, APART))
        counts = {"prompts": {task: len(prompts[task]) for task in self.tasks}, "samples": rows}
        self.texts, self.samples = (
            {task: split(f"{what} of {task}", found[task], config.validation, apart) for task in self.tasks}
            for what, found in counts.items()
        )
        self.parameters = dict(learner.named_parameters())
        self.device = next(iter(self.parameters.values())).device
        self.optimizer = torch.optim.Adam(learner.groups(config), lr=0.0, betas=(0.9, 0.99))
        self.best = BestState(self.parameters)
        self.rows: list[dict[str, float]] = []

    def run(self, report: Report = silent, saved: SavedState = UNSAVED) -> list[dict[str, float]]:
        """All steps, or those that an interrupted run left; the learner ends with its best state if it is validated,
        else with the last. Per step: step, loss, lr, grad_norm, and validation_loss where it was found."""
        self.resume(saved)
        while len(self.rows) < self.config.steps:
            row = self.step()
            if self.config.validation and is_due(len(self.rows), self.config.steps):
                row[KEY] = self.validation_loss()
                self.best.offer(row[KEY])
            saved.save_if_due(self.state)
            report(int(row["step"]), self.config.steps, f"loss {row['loss']:.4g}")
        self.best.restore()
        return self.rows

    def step(self) -> dict[str, float]:
        """One update; FloatingPointError names the step and what is not finite."""
        number = len(self.rows)
        warmup = min(10, self.config.steps)
        share = lr_schedule(number, 1.0, warmup, self.config.steps + 1)
        for group in self.optimizer.param_groups:
            group["lr"] = share * group["peak"]
        loss = self._loss()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), CLIP_NORM).item()
        where = f"step {number + 1}"
        check_gradients(where, loss.item(), norm, {name: p.grad for name, p in self.parameters.items()})
        self.optimizer.step()
        self.optimizer.zero_grad()
        check_weights(where, self.parameters)
        self.rows.append({"step": number + 1, "loss": loss.item(), "lr": share, "grad_norm": norm})
        return self.rows[-1]

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean over the tasks, each with an adapter of all prompts that were kept apart, on samples kept apart."""
        count = min(ROWS, *(len(self.samples[name].apart) for name in self.tasks))
        total, size = 0.0, self.config.tasks_per_step
        for names in (self.tasks[start : start + size] for start in range(0, len(self.tasks), size)):
            asked = torch.stack([self.learner.reads(self.prompts[name], self.texts[name].apart) for name in names])
            known = torch.stack([self._usable(self.tasks.index(name)) for name in names])
            rows = {name: self.samples[name].apart[:count].tolist() for name in names}
            made = self.learner(asked.to(self.device), known.to(self.device))
            total += self.losses.main(made, rows).item() * len(names)
        return total / len(self.tasks)

    def _loss(self) -> Tensor:
        chosen = torch.randperm(len(self.tasks), generator=self.random)[: self.config.tasks_per_step]
        names = [self.tasks[number] for number in chosen.tolist()]
        asked = torch.stack([self._asked(name) for name in names]).to(self.device)
        known = torch.stack([self._known(number) for number in chosen.tolist()])
        rows = {name: self._rows(self.samples[name].learned) for name in names}
        loss = self.losses.begin if len(self.rows) < self.config.warm_start else self.losses.main
        return loss(self.learner(asked, known.to(self.device)), rows)

    def _known(self, number: int) -> Tensor:
        """Tasks (T,) bool that the adapter of a task is mixed from; all others where chance would leave one or none."""
        known = torch.rand(len(self.tasks), generator=self.random) >= self.config.task_dropout
        others = torch.arange(len(self.tasks)) != number
        if (known & others).sum() < 2:
            known = others
        return known & others if self.config.leave_out else known | ~others

    def _usable(self, number: int) -> Tensor:
        """The same (T,) where none is left out by chance."""
        return torch.arange(len(self.tasks)) != (number if self.config.leave_out else -1)

    def _asked(self, task: str) -> Tensor:
        """What a random draw of a task's prompts asks for, as many as generation reads."""
        own = self.texts[task].learned
        return self.learner.reads(self.prompts[task], own[pick_prompts(len(own), self.num_prompts, self.random, task)])

    def _rows(self, own: Tensor) -> list[int]:
        return own[torch.randint(len(own), (self.config.rows_per_task,), generator=self.random)].tolist()

    def state(self) -> State:
        """All that the steps to come depend on."""
        parts = {
            "learner": self.parameters,
            "best": self.best.kept,
            "optimizer": optimizer_tensors(self.optimizer),
            "random": {"state": self.random.get_state()},
        }
        return join_parts(parts), {"rows": self.rows}

    def resume(self, saved: SavedState) -> None:
        """Take up what an interrupted run of the same training saved, if anything."""
        if found := saved.load():
            parts = split_parts(found[0])
            restore_optimizer(self.optimizer, parts["optimizer"], self.device)
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(parts["learner"][name])
            self.random.set_state(parts["random"]["state"])
            self.rows = found[1]["rows"]
            self.best.resume(parts.get("best", {}), self.rows)
