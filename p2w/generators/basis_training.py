"""Training the basis: in every step adapters for a few tasks, each a mixture of the other tasks' only, and their loss.

Leaving the own adapter out makes a step what generation will be: for a task from which nothing was learned. More are
left out by chance (`task_dropout`): then no adapter can rely on a certain other one, and few tasks make many mixtures.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from p2w.config.generator import GeneratorConfig
from p2w.generators.basis import Basis
from p2w.generators.basis_losses import Loss
from p2w.generators.contract import Prompts
from p2w.generators.features import task_features
from p2w.generators.generation import pick_prompts, stream
from p2w.generators.optimizers import optimizer_tensors, restore_optimizer
from p2w.generators.training import lr_schedule
from p2w.runtime.finite import check_gradients, check_weights
from p2w.runtime.progress import Report, silent
from p2w.runtime.resume import UNSAVED, SavedState, State, join_parts, split_parts

CLIP_NORM = 1.0


class Drawn(NamedTuple):
    """Some of a task's prompts, as its prompts."""

    prompts: Prompts
    chosen: Tensor

    def __len__(self) -> int:
        return len(self.chosen)

    def gather(self, indices: Tensor) -> Tensor:
        return self.prompts.gather(self.chosen[indices])


def position_features(prompts: Prompts, positions: int) -> Tensor:
    """Mean token state at each position (K, C); one of them, the mean of all, for `positions` 0."""
    return task_features(prompts, positions).unflatten(0, (max(1, positions), -1))


class BasisTraining:
    """A basis, its optimizer and its randomness between two steps.

    Args:
        config: steps, rates, how many tasks and rows.
        prompts: of each task, on the CPU.
        rows: of each task, how many labelled samples there are.
        loss: of adapters for tasks; its device is that of the basis.
    """

    def __init__(
        self,
        config: GeneratorConfig,
        basis: Basis,
        prompts: Mapping[str, Prompts],
        rows: Mapping[str, int],
        loss: Loss,
        num_prompts: int,
        seed: int,
    ) -> None:
        self.config, self.basis, self.loss, self.num_prompts = config, basis, loss, num_prompts
        self.tasks, self.prompts, self.samples = sorted(prompts), prompts, rows
        self.random = Generator().manual_seed(stream(seed))
        self.parameters = dict(basis.named_parameters())
        groups = [
            {"params": basis.mixture_parameters, "peak": config.learning_rate},
            {"params": [basis.shift], "peak": config.shift_rate},
        ]
        self.optimizer = torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.99))
        self.rows: list[dict[str, float]] = []

    def run(self, report: Report = silent, saved: SavedState = UNSAVED) -> list[dict[str, float]]:
        """All steps, or those that an interrupted run left; per step: step, loss, lr, grad_norm."""
        self.resume(saved)
        while len(self.rows) < self.config.steps:
            row = self.step()
            saved.save_if_due(self.state)
            report(int(row["step"]), self.config.steps, f"loss {row['loss']:.4g}")
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

    def _loss(self) -> Tensor:
        chosen = torch.randperm(len(self.tasks), generator=self.random)[: self.config.tasks_per_step]
        names = [self.tasks[number] for number in chosen.tolist()]
        asked = torch.stack([self._asked(name) for name in names]).to(self.basis.weights.device)
        known = torch.stack([self._known(number) for number in chosen.tolist()])
        rows = {name: self._rows(self.samples[name]) for name in names}
        return self.loss(self.basis(asked, known.to(asked.device)), rows)

    def _known(self, number: int) -> Tensor:
        """Tasks (T,) bool that the adapter of a task is mixed from; all others where chance would leave one or none."""
        known = torch.rand(len(self.tasks), generator=self.random) >= self.config.task_dropout
        others = torch.arange(len(self.tasks)) != number
        if (known & others).sum() < 2:
            known = others
        return known & others if self.config.leave_out else known | ~others

    def _asked(self, task: str) -> Tensor:
        """Features of a random draw of a task's prompts, as many as generation reads."""
        found = self.prompts[task]
        drawn = Drawn(found, pick_prompts(len(found), self.num_prompts, self.random, task))
        return position_features(drawn, self.config.positions)

    def _rows(self, count: int) -> list[int]:
        return torch.randint(count, (self.config.rows_per_task,), generator=self.random).tolist()

    def state(self) -> State:
        """All that the steps to come depend on."""
        parts = {
            "basis": self.parameters,
            "optimizer": optimizer_tensors(self.optimizer),
            "random": {"state": self.random.get_state()},
        }
        return join_parts(parts), {"rows": self.rows}

    def resume(self, saved: SavedState) -> None:
        """Take up what an interrupted run of the same training saved, if anything."""
        if found := saved.load():
            parts = split_parts(found[0])
            restore_optimizer(self.optimizer, parts["optimizer"], self.basis.weights.device)
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(parts["basis"][name])
            self.random.set_state(parts["random"]["state"])
            self.rows = found[1]["rows"]
