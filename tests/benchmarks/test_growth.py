"""How accuracy grows with the number of training tasks, on four of them and a held-out one."""

import json
from statistics import fmean

import pytest
import torch

from p2w.adapters.peft_folder import write_adapter
from tests.support.experiment_world import HELD_OUT, TRAINING, script


def test_accuracy_by_the_number_of_training_tasks(results, monkeypatch, capsys, tmp_path):
    module, figure = script("growth"), tmp_path / "growth.png"
    monkeypatch.setattr(module, "find_results", lambda _: results)
    options = ["pocket", "--sizes", "2", "4", "--subsets", "2", "--kinds", "ridge", "retrieval"]
    module.main([*options, "--figure", str(figure), "--by-task"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["held_out"] == 1
    assert set(found["accuracy"]) == {"base", "weight_average", "multi_task", "multi_task_long", "ridge", "retrieval"}
    for source, by_size in found["accuracy"].items():
        assert {size: len(values) for size, values in by_size.items()} == {"2": 2, "4": 1}
        by_task = found["by_task"][source]
        assert by_task == {size: {HELD_OUT: pytest.approx(fmean(values), abs=2e-3)} for size, values in by_size.items()}
    assert figure.read_bytes().startswith(b"\x89PNG")
    module.main([*options, "--jobs", "2"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {key: found[key] for key in ("held_out", "accuracy")}
    with pytest.raises(ValueError, match="--sizes: found 5, expected at most the 4 training tasks"):
        module.main(["pocket", "--sizes", "5"])


def test_a_generator_grows_with_the_tasks_of_its_subset_alone(results, tmp_path):
    module = script("growth")
    for kind in ("ridge", "hyperconv", "basis"):
        some = module.Subset(results, TRAINING[:3], 0)
        some.learn(kind, path := tmp_path / kind / "generator.safetensors")
        assert module.load_generator(path).metadata["training_tasks"] == sorted(TRAINING[:3])
    known = results.checkpoints(TRAINING)
    expected = torch.stack([known[task].mean(0) for task in TRAINING[:3]]).mean(0)
    torch.testing.assert_close(some.average(), expected)
    assert not torch.equal(some.multi_task(), module.Subset(results, TRAINING, 0).multi_task())


def test_the_longer_adapter_for_all_is_trained_on_all_samples_as_long_as_their_adapters_together(results, monkeypatch):
    module, seen = script("growth"), []

    def train(_base, _lora, config, _seed, tables, epochs, output):
        seen.append((config.max_samples, set(tables), epochs))
        write_adapter(output, layout.unflatten(torch.zeros(layout.size)), known.adapter_config)

    known = results.checkpoints(TRAINING)
    layout = known.layout
    monkeypatch.setattr(module, "train_multi_task", train)
    module.Subset(results, TRAINING[:3], 0).scores([])
    budget, epochs = results.experiment.finetune.max_samples, results.experiment.checkpoints.epochs
    assert seen == [(budget, set(TRAINING[:3]), epochs), (3 * budget, set(TRAINING[:3]), epochs)]
