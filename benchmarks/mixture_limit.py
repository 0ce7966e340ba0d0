"""How good a mixture of the training adapters could be for each held-out task, if its labelled rows were known.

    python benchmarks/mixture_limit.py smollm2_generators --adapters smollm2 --per layer

reads the results of an experiment. What generators in closed form make are such mixtures, and `basis` adds one shift to
all of them: so the distance from there to this limit is the reading of prompts, and what lies between the limit and the
task's own adapter is in no mixture. Shares begin as equal ones and are fitted by gradient through the base model, on
train rows of the held-out task: for all of an adapter, for each layer, or for each tensor by itself. Scored on test
rows: equal shares, the mixture that is nearest to the own adapter in weights, the fitted one, and the own adapter.
Labels of held-out tasks are used: it is a limit and no generator, and nothing may be chosen by it. Prints one line of
JSON.
"""

import argparse
import json
from collections.abc import Mapping, Sequence

import torch
from experiment_results import Results, add_arguments, find_results
from torch import Tensor, nn

from p2w.adapters.layout import AdapterLayout
from p2w.generators.adapter_losses import Loss
from p2w.generators.task_loss import TaskLoss, encode_tasks
from p2w.generators.training import lr_schedule
from p2w.runtime.progress import reporter

LEARNING_RATE = 5e-2  # of shares, which begin at 1 / training tasks
TASKS_PER_STEP = 4


def parts(layout: AdapterLayout, per: str) -> list[int]:
    """Of each tensor, which part of the adapter it is in."""
    names = [name.rsplit(".lora_", 1)[0] for name in layout.names]
    layers = [next((piece for piece in name.split(".") if piece.isdecimal()), name) for name in names]
    kinds = {"adapter": [""] * len(names), "layer": layers, "tensor": list(layout.names)}[per]
    order = list(dict.fromkeys(kinds))
    return [order.index(kind) for kind in kinds]


class Mixtures(nn.Module):
    """Mixtures of T adapters (T, size) for K tasks, with shares for each part of an adapter by itself."""

    def __init__(self, weights: Tensor, layout: AdapterLayout, per: str, count: int) -> None:
        super().__init__()
        self.pieces, self.parts = layout.split(weights), parts(layout, per)
        equal = torch.full((count, max(self.parts) + 1, len(weights)), 1 / len(weights))
        self.shares = nn.Parameter(equal)

    def forward(self, chosen: Tensor) -> Tensor:
        """Adapters (Q, size) for some of the tasks (Q,)."""
        shares = self.shares[chosen]
        mixed = [shares[:, part] @ piece for part, piece in zip(self.parts, self.pieces, strict=True)]
        return torch.cat(mixed, dim=-1)

    @torch.no_grad()
    def approach(self, targets: Tensor, layout: AdapterLayout) -> None:
        """Take the shares that are nearest to adapters (K, size) in weights."""
        wanted = layout.split(targets)
        for part in range(self.shares.shape[1]):
            of_part = [number for number, found in enumerate(self.parts) if found == part]
            known = torch.cat([self.pieces[number] for number in of_part], dim=-1).double()
            own = torch.cat([wanted[number] for number in of_part], dim=-1).double()
            kernel = known @ known.T
            self.shares[:, part] = torch.linalg.lstsq(kernel, known @ own.T, driver="gelsd").solution.T.float()


def fit(
    mixtures: Mixtures, tasks: Sequence[str], loss: Loss, counts: Mapping[str, int], args: argparse.Namespace
) -> None:
    """Train the shares: in every pass some rows of each task."""
    optimizer = torch.optim.Adam(mixtures.parameters(), betas=(0.9, 0.99))
    random, report = torch.Generator().manual_seed(args.seed), reporter("passes")
    for number in range(args.passes):
        optimizer.param_groups[0]["lr"] = lr_schedule(number, LEARNING_RATE, 1, args.passes + 1)
        total = 0.0
        for chosen in torch.randperm(len(tasks), generator=random).split(TASKS_PER_STEP):
            names = [tasks[task] for task in chosen.tolist()]
            rows = {name: torch.randint(counts[name], (args.rows,), generator=random).tolist() for name in names}
            found = loss(mixtures(chosen), rows) * len(names)
            found.backward()
            total += found.item() / len(tasks)
        optimizer.step()
        optimizer.zero_grad()
        report(number + 1, args.passes, f"loss {total:.4g}")


def limits(results: Results, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Accuracy by source on each held-out task."""
    tasks, experiment = results.held_out, results.experiment
    known, own = results.checkpoints(results.training), results.checkpoints(tasks)
    weights = torch.stack([known.mean(task) for task in results.training])
    targets = torch.stack([own.mean(task) for task in tasks])
    paths = {task: results.sample_path(task) for task in tasks}
    encoded = encode_tasks(experiment.base_model.placed, paths, args.samples, experiment.finetune.max_length, args.seed)
    device = torch.device("cpu")
    loss = TaskLoss.of(experiment.base_model.placed, known.layout, known.adapter_config, encoded, device)
    mixtures, everyone = Mixtures(weights, known.layout, args.per, len(tasks)), torch.arange(len(tasks))
    made = {"own": targets, "equal": mixtures(everyone).detach()}
    fit(mixtures, tasks, loss, {task: len(found) for task, found in encoded.items()}, args)
    made["fitted"] = mixtures(everyone).detach()
    mixtures.approach(targets, known.layout)
    made["nearest in weights"] = mixtures(everyone).detach()
    found, report = {}, reporter("tasks scored")
    for number, task in enumerate(tasks):
        of_task = {source: flat[number] for source, flat in made.items()}
        rows = results.rows(task, "test", experiment.evaluation.max_rows)
        found[task] = results.accuracy_of(task, rows, of_task, known)
        report(number + 1, len(tasks), task)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Fit, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--per", choices=["adapter", "layer", "tensor"], default="adapter", help="what has own shares")
    parser.add_argument("--passes", type=int, default=40, help="updates of the shares")
    parser.add_argument("--rows", type=int, default=6, help="labelled rows of each task in each of them")
    parser.add_argument("--samples", type=int, default=320, help="labelled rows of each task that are known")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    found = limits(find_results(args), args)
    sources = list(next(iter(found.values())))
    means = {source: round(sum(task[source] for task in found.values()) / len(found), 3) for source in sources}
    by_task = {task: {source: round(share, 3) for source, share in shares.items()} for task, shares in found.items()}
    print(json.dumps({"per": args.per, "passes": args.passes, "mean": means, "accuracy": by_task}))


if __name__ == "__main__":
    main()
