"""Right command lines of every command, for a small project whose files all lie in one folder."""

import json
from pathlib import Path

from p2w.config.base_model import BaseModel

ROOT = Path(__file__).parents[2]
TASKS = ("boolq", "piqa")
DIM = 7
ENCODER = {"max_length": 6, "sha256": "0" * 64, "package": "nowhere"}
LORA = {"rank": 2, "alpha": 4}
FINETUNE = {"max_samples": 8, "batch_size": 4, "learning_rate": 0.01, "snapshots": 2}
DECODER = {"num_prompts": 3, "shapes": [[5, 4, 11]], "kernel_size": 3, "steps": 2, "batch_size": 2,
           "learning_rate": 1e-3}  # fmt: skip
TASK = {
    "splits": {"train": "train"},
    "question": "{question}",
    "choices": {"columns": ["left", "right"]},
    "answer": {"column": "label", "encoding": "index0"},
    "system": "Pick.",
    "format": "letter",
    "id": "id",
}
LETTER = {"labels": ["A", "B"], "choice": "{label}: {choice}", "response": "{label}",
          "prompt": "{question}\n{choices}"}  # fmt: skip
ROWS = [
    {"id": f"r{k}", "question": f"{k} + 1?", "left": str(k + k % 2), "right": str(k + 1 - k % 2), "label": 1 - k % 2}
    for k in range(12)
]

Arguments = dict[str, list[str]]


class World:
    """A folder with everything, and its commands: option to values, in the order of the command line."""

    def __init__(self, folder: Path, base: BaseModel) -> None:
        self.folder, self.base = folder, base

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def command(self, name: str) -> Arguments:
        """Arguments of a script that are right."""
        return {option: list(map(str, values)) for option, values in getattr(self, f"_{name}")().items()}

    def _raw(self) -> dict[str, list]:
        hub = {"dataset": "owner/toy", "revision": "0" * 40, "files": {"train": "train.parquet"}}
        location = {"hub": hub, "splits": {"train": "train"}}
        source = {"kind": "local", "root": str(self / "data")}
        return {"--source": [json.dumps(source)], "--task": ["toy"], "--location": [json.dumps(location)],
                "--split": ["train"], "--output": [self / "raw.parquet"]}  # fmt: skip

    def _samples(self) -> dict[str, list]:
        return {"--raw": [self / "raw.parquet"], "--task": ["toy"], "--task-config": [json.dumps(TASK)],
                "--format": [json.dumps(LETTER)], "--split": ["train"],
                "--output": [self / "samples.parquet"]}  # fmt: skip

    def _training(self) -> dict[str, list]:
        return {"--base-model": [json.dumps(self.base.to_json())], "--lora": [json.dumps(LORA)],
                "--finetune": [json.dumps(FINETUNE)], "--seed": [3]}  # fmt: skip

    def _finetune(self, task: str = "boolq", epoch: int = 2) -> dict[str, list]:
        files = ("adapter_model.safetensors", "snapshots.safetensors", "training_state.safetensors", "run.json")
        previous = [self / f"{task}/epoch_{epoch - 1}/{name}" for name in files] if epoch > 1 else []
        output = self / f"{task}/epoch_{epoch}/adapter_model.safetensors"
        return {**self._training(), "--task": [task], "--samples": [self / "samples.parquet"], "--epoch": [epoch],
                "--previous": previous, "--output": [output]}  # fmt: skip

    def _multi_task(self) -> dict[str, list]:
        return {**self._training(), "--epochs": [1], "--tasks": list(TASKS),
                "--samples": [self / "samples.parquet", self / "samples.parquet"],
                "--output": [self / "multi_task/adapter_model.safetensors"]}  # fmt: skip

    def _checkpoints(self, task: str = "boolq") -> dict[str, list]:
        return {"--task": [task], "--epochs": [self / f"{task}/epoch_{k}/snapshots.safetensors" for k in (1, 2)],
                "--first-epoch": [1], "--output": [self / f"{task}.parquet"]}  # fmt: skip

    def _import_checkpoints(self) -> dict[str, list]:
        return {"--task": ["boolq"], "--folder": [self / "foreign"], "--base-model": [json.dumps(self.base.to_json())],
                "--lora": [json.dumps(LORA)], "--output": [self / "imported.parquet"]}  # fmt: skip

    def _embeddings(self, task: str = "boolq") -> dict[str, list]:
        return {"--encoder": [json.dumps(ENCODER)], "--prompts": ['{"max_per_task": 8}'], "--seed": [0],
                "--task": [task], "--samples": [self / "samples.parquet"], "--cache": [self / "cache"],
                "--output": [self / f"{task}.embeddings.parquet"]}  # fmt: skip

    def _decoder(self) -> dict[str, list]:
        return {"--decoder": [json.dumps(DECODER)], "--seed": [0], "--held-out": ["held"],
                "--checkpoints": [self / f"{task}.parquet" for task in TASKS],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--output": [self / "decoder/decoder.safetensors"]}  # fmt: skip

    def _centroid(self, task: str = "boolq") -> dict[str, list]:
        return {"--checkpoints": [self / f"{task}.parquet"], "--embeddings": [self / f"{task}.embeddings.parquet"],
                "--output": [self / f"{task}.centroid.safetensors"]}  # fmt: skip

    def _generator(self) -> dict[str, list]:
        return {"--generator": ['{"kind": "ridge"}'], "--num-prompts": [3], "--held-out": ["held"],
                "--centroids": [self / f"{task}.centroid.safetensors" for task in TASKS],
                "--output": [self / "ridge/generator.safetensors"]}  # fmt: skip

    def _learned_generator(self) -> dict[str, list]:
        config = {"kind": "basis", "leave_out": False, "steps": 1, "tasks_per_step": 2, "rows_per_task": 2}
        return {"--generator": [json.dumps(config)], "--base-model": [json.dumps(self.base.to_json())],
                "--num-prompts": [3], "--max-length": [256], "--seed": [0], "--held-out": ["held"],
                "--checkpoints": [self / f"{task}.parquet" for task in TASKS],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--tasks": TASKS, "--samples": [self / "samples.parquet" for task in TASKS],
                "--output": [self / "basis/generator.safetensors"]}  # fmt: skip

    def _generate(self) -> dict[str, list]:
        return {"--generator": [self / "decoder/decoder.safetensors"],
                "--embeddings": [self / "held.embeddings.parquet"], "--seed": [0], "--draw": [0],
                "--output": [self / "draw_0/adapter_model.safetensors"]}  # fmt: skip

    def _prompt_controls(self) -> dict[str, list]:
        return {"--generator": [self / "decoder/decoder.safetensors"], "--controls": ["foreign_prompts"],
                "--embeddings": [self / "boolq.embeddings.parquet"], "--seed": [0], "--draw": [0],
                "--output": [self / "controls"]}  # fmt: skip

    def _constant(self) -> dict[str, list]:
        return {"--generator": [self / "decoder/decoder.safetensors"],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--output": [self / "constant/adapter_model.safetensors"]}  # fmt: skip

    def _control(self) -> dict[str, list]:
        return {"--control": ["weight_average"], "--tasks": list(TASKS),
                "--adapters": [self / f"{task}/epoch_1/adapter_model.safetensors" for task in TASKS],
                "--embeddings": [self / f"{task}.embeddings.parquet" for task in TASKS],
                "--target": [self / "held.embeddings.parquet"],
                "--output": [self / "average/adapter_model.safetensors"]}  # fmt: skip

    def _evaluate(self) -> dict[str, list]:
        return {"--experiment": ["toy"], "--held-out": ["held"], "--base-model": [json.dumps(self.base.to_json())],
                "--evaluation": ['{"max_rows": 4, "batch_tokens": 600}'], "--seed": [0],
                "--samples": [self / "samples.parquet"], "--sources": ["trained/boolq", "generated/draw_0"],
                "--adapters": [self / "boolq/epoch_1/adapter_model.safetensors",
                               self / "draw_0/adapter_model.safetensors"],
                "--seen-tasks": ["boolq"], "--seen-samples": [self / "samples.parquet"],
                "--output": [self / "evaluation.json"],
                "--predictions": [self / "evaluation.predictions.parquet"]}  # fmt: skip

    def _summary(self) -> dict[str, list]:
        return {"--evaluations": [self / "evaluation.json"], "--published": [ROOT / "config/published.yaml"],
                "--csv": [self / "summary.csv"], "--markdown": [self / "summary.md"],
                "--html": [self / "summary.html"]}  # fmt: skip

    def _show(self) -> dict[str, list]:
        return {"": [self / "evaluation.json"]}

    def _card(self) -> dict[str, list]:
        return {"--source": ["generated/draw_0"], "--adapter": [self / "draw_0"],
                "--generator-run": [self / "decoder/run.json"], "--embeddings": [self / "held.embeddings.parquet"],
                "--evaluation": [self / "evaluation.json"],
                "--predictions": [self / "evaluation.predictions.parquet"],
                "--output": [self / "draw_0/README.md"]}  # fmt: skip
