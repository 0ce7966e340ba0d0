"""The stages at full size, each with the library's own code on made-up input: what they cost."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from full_size_counts import Steps, decoder_flops, model_flops, timed
from full_size_models import LAYERS, LORA, RandomCheckpoints, RandomQwen, prompt_states, samples

from p2w.adapters.checkpoints import Block, read_checkpoints, write_blocks
from p2w.adapters.peft_folder import write_adapter
from p2w.adapters.weight_tokens import WeightTokens
from p2w.base.base_model import load_tokenizer
from p2w.base.chat import prompt_ids
from p2w.config.decoder import DecoderConfig
from p2w.config.evaluation import EvaluationConfig
from p2w.config.finetuning import FinetuneConfig
from p2w.config.settings import parse
from p2w.evaluation.evaluate import predict
from p2w.finetuning.adapted_base import load_adapted
from p2w.finetuning.training import Training
from p2w.generators.generation import draw_condition, generate
from p2w.generators.hyperconv import build_decoder
from p2w.generators.optimizers import OptimizerName
from p2w.generators.training import train_decoder
from p2w.runtime.progress import silent

EXPERIMENT = Path(__file__).parent.parent / "config/experiments/qwen2.5-0.5b.yaml"
REDUCED = 8  # how many times fewer layers, channels, prompts and positions where there is no GPU


@dataclass(frozen=True)
class Setting:
    """One measurement. `reduced` is for a CPU: the same code and widths, everything else REDUCED times smaller."""

    stage: Literal["finetune", "flatten", "decoder", "generate", "evaluate"]
    reduced: bool
    steps: int = 4
    batch_size: int = 64
    micro_batch_size: int = 8
    activation_checkpointing: bool = False
    optimizer: OptimizerName = "adamw_fused"
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    tf32: bool = False
    targets: Literal["device", "host"] = "device"

    def less(self, number: int, least: int = 1) -> int:
        """`number`, or what is left of it when reduced."""
        return max(number // REDUCED, least) if self.reduced else number

    @property
    def base(self) -> RandomQwen:
        """The base model."""
        return RandomQwen(dtype=self.precision, layers=self.less(LAYERS))

    @property
    def published(self) -> dict[str, Any]:
        """The experiment file of the paper."""
        return yaml.safe_load(EXPERIMENT.read_text(encoding="utf-8"))


def decoder_config(setting: Setting) -> DecoderConfig:
    """The published decoder, trained as the setting says."""
    found = setting.published["decoder"]
    shapes = tuple((setting.less(C), setting.less(H, least=10), W) for C, H, W in found["shapes"])
    own = {key: getattr(setting, key) for key in ("steps", "batch_size", "micro_batch_size", "activation_checkpointing",
                                                  "optimizer", "precision", "tf32", "targets")}  # fmt: skip
    return parse(DecoderConfig, {**found, "shapes": shapes, "num_prompts": setting.less(found["num_prompts"]), **own})


def all_shapes(setting: Setting, config: DecoderConfig, spec: WeightTokens) -> tuple[tuple[int, int, int], ...]:
    """From the condition to the weight tokens."""
    length = setting.less(setting.published["encoder"]["max_length"])
    return ((config.num_prompts, length, 384), *config.shapes, spec.shape)


def finetune(setting: Setting, device: torch.device) -> dict[str, float]:
    """Optimizer steps of LoRA on the base model; the first is not timed."""
    config = FinetuneConfig(
        max_samples=setting.batch_size * setting.steps,
        batch_size=setting.batch_size,
        learning_rate=1e-4,
        micro_batch_size=setting.micro_batch_size,
        activation_checkpointing=setting.activation_checkpointing,
    )
    table = samples(load_tokenizer(setting.base), config.max_samples)
    training, steps = Training(setting.base, LORA, config, 0, "benchmark", table, device), Steps()
    training.run_epoch(1, steps)
    lengths = [training.encoded.length(index) for index in range(len(training.encoded))]
    responses = sum(map(len, training.encoded.responses))
    # The frozen weights get no gradient of their own: backward costs as much as forward.
    flops = 2 * model_flops(setting.base.config, lengths, responses) / setting.steps
    seconds = steps.seconds
    return {
        "tokens_per_s": sum(lengths) / setting.steps / seconds,
        "samples_per_s": setting.batch_size / seconds,
        "seconds_per_step": seconds,
        "tflops": flops / seconds / 1e12,
    }


def flatten(setting: Setting, device: torch.device) -> dict[str, float]:
    """Adapters to a table of checkpoints and to weight tokens, and back."""
    layout = setting.base.layout()
    spec, count = WeightTokens(layout), setting.less(48)
    flat = RandomCheckpoints(1, count, layout.size)["task_0"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "checkpoints.parquet")
        block = Block(1, list(range(count)), [0.0] * count, flat)
        _, write = timed(lambda: write_blocks(path, "benchmark", 0, layout, {}, [block], {}), device)
        table, read = timed(lambda: read_checkpoints(path), device)
    one = table.weights[:1].to(device)
    tokens, forth = timed(lambda: spec.tokenize(one), device)
    again, back = timed(lambda: spec.detokenize(tokens), device)
    return {
        "values": layout.size,
        "weight_tokens": spec.num_tokens,
        "write_gb_per_s": flat.numel() * 4 / write / 1e9,
        "read_gb_per_s": flat.numel() * 4 / read / 1e9,
        "tokenize_s": forth,
        "detokenize_s": back,
        "round_trip_error": (again - one).abs().max().item(),
    }


def decoder(setting: Setting, device: torch.device) -> dict[str, float]:
    """Optimizer steps of the decoder on six tasks of 50 checkpoints and 5000 prompts; the first is not timed."""
    config, spec = decoder_config(setting), WeightTokens(setting.base.layout())
    tasks, length = 6, all_shapes(setting, config, spec)[0][1]
    prompts = {f"task_{number}": prompt_states(setting.less(5000), length, number, device) for number in range(tasks)}
    checkpoints, steps = RandomCheckpoints(tasks, setting.less(50), spec.layout.size), Steps()
    trained, rows = train_decoder(config, spec, prompts, checkpoints, 0, device, steps)
    flops = 3 * decoder_flops(trained.shapes, config.kernel_size) * config.batch_size
    return {
        "parameters": sum(parameter.numel() for parameter in trained.parameters()),
        "samples_per_s": config.batch_size / steps.seconds,
        "weight_tokens_per_s": config.batch_size * spec.num_tokens / steps.seconds,
        "seconds_per_step": steps.seconds,
        "tflop_per_sample": flops / config.batch_size / 1e12,
        "tflops": flops / steps.seconds / 1e12,
        "first_loss": rows[0]["loss"],
        "last_loss": rows[-1]["loss"],
    }


def generation(setting: Setting, device: torch.device) -> dict[str, float]:
    """Adapters from prompts; the first is not timed."""
    config, spec = decoder_config(setting), WeightTokens(setting.base.layout())
    shapes = all_shapes(setting, config, spec)
    model = build_decoder(shapes, config.kernel_size, 0, device).eval()
    prompts, steps = prompt_states(1000, shapes[0][1], 0, device), Steps()
    for draw in range(setting.steps):
        generate(model, spec, draw_condition(prompts, config.num_prompts, 0, draw, device))
        steps(draw, setting.steps, "")
    return {
        "adapters_per_s": 1 / steps.seconds,
        "tokens_per_s": spec.num_tokens / steps.seconds,
        "tflops": decoder_flops(shapes, config.kernel_size) / steps.seconds / 1e12,
    }


def evaluate(setting: Setting, device: torch.device) -> dict[str, float]:
    """Greedy answers and likelihoods of the base model and of one adapter."""
    base, rows = setting.base, setting.batch_size * setting.steps
    table = samples(load_tokenizer(base), rows)
    adapted = load_adapted(base, LORA)
    tensors = {name: torch.randn(value.shape) * 0.01 for name, value in adapted.tensors.items()}
    config = EvaluationConfig(max_rows=rows, batch_tokens=setting.less(65536))
    with tempfile.TemporaryDirectory() as folder:
        write_adapter(folder, tensors, adapted.adapter_config)
        _, seconds = timed(lambda: predict(base, table, {"adapter": Path(folder)}, config, device, silent), device)
    tokenizer = load_tokenizer(base)
    lengths = [len(prompt_ids(tokenizer, row.system, row.prompt)) for row in table.itertuples()]
    return {
        "prompt_tokens_per_s": 2 * sum(lengths) / seconds,
        "samples_per_s": 2 * rows / seconds,
        "tflops": 2 * model_flops(base.config, lengths, rows) / seconds / 1e12,
    }


STAGES = {"finetune": finetune, "flatten": flatten, "decoder": decoder, "generate": generation, "evaluate": evaluate}


def measure(setting: Setting, device: torch.device) -> dict[str, Any]:
    """The setting and what came of it."""
    return {**asdict(setting), **STAGES[setting.stage](setting, device)}
