"""From a file of prompts to an adapter on disk with everything loaded, against loading everything for each adapter.

The pocket experiment's sizes, the real MiniLM, a decoder with random weights. Prints one line of JSON.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import yaml
from full_size_counts import decoder_flops
from measure import POCKET, PROJECT, at_most, claim, flops_peak, in_turns, parser, report, start
from prompts import encoder, encoder_flops, write_prompts
from transformers import AutoConfig

from p2w.adapters.peft_folder import WEIGHTS_FILE, adapter_config_json, peft_config
from p2w.adapters.peft_layout import layout_of
from p2w.adapters.weight_tokens import WeightTokens
from p2w.config.lora import LoraSettings
from p2w.config.settings import parse
from p2w.config.suites import load_tasks
from p2w.data.samples import render_samples
from p2w.generators.decoder_file import TrainedDecoder, save_decoder
from p2w.generators.generating import write_generated
from p2w.generators.generation import pick_prompts
from p2w.generators.generator_file import load_generator
from p2w.generators.hyperconv import build_decoder
from p2w.pocket.tables import pocket_table
from p2w.prompts.encoder import LoadedEncoder, load_encoder
from p2w.prompts.states import PromptStates
from p2w.runtime.files import read_json

DIM = 384  # of MiniLM
TASK = "arc_challenge"


def pocket_decoder(experiment: dict) -> TrainedDecoder:
    """The pocket experiment's decoder, not trained."""
    lora = peft_config(parse(LoraSettings, experiment["lora"]), str(POCKET), None)
    spec = WeightTokens(layout_of(AutoConfig.from_pretrained(POCKET), lora), scales=experiment["decoder"]["scales"])
    config = experiment["decoder"]
    condition = (config["num_prompts"], experiment["encoder"]["max_length"], DIM)
    shapes = tuple(tuple(shape) for shape in config["shapes"])
    decoder = build_decoder((condition, *shapes, spec.shape), config["kernel_size"], 0)
    return TrainedDecoder(decoder.eval(), spec, {"adapter_config": adapter_config_json(lora)})


def pocket_prompts(count: int) -> list[str]:
    """Prompts of a pocket task."""
    task = load_tasks(PROJECT / "config/tasks").entry(TASK)
    return render_samples(TASK, *task, pocket_table(TASK, "train", count, seed=0), "train")["prompt"].tolist()


def generate_from(prompts: Path, trained: TrainedDecoder, loaded: LoadedEncoder, folder: Path) -> None:
    """Only the prompts of the draw are encoded."""
    texts, generator = read_json(prompts), torch.Generator().manual_seed(0)
    chosen = pick_prompts(len(texts), trained.num_prompts, generator).tolist()
    length = trained.decoder.shapes[0][1]
    states = PromptStates.from_states(loaded.encode([texts[number] for number in chosen]), length)
    flat = trained.weights(states.gather(torch.arange(len(chosen))))
    write_generated(trained, flat, folder, {})


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = parser(__doc__, threads=2, prompts=256).parse_args(argv)
    start(args)
    experiment = yaml.safe_load((PROJECT / "config/experiments/pocket.yaml").read_text(encoding="utf-8"))
    spec = encoder(experiment["encoder"]["max_length"])
    trained, loaded = pocket_decoder(experiment), load_encoder(spec)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_prompts(folder / "prompts.json", pocket_prompts(args.prompts))
        save_decoder(folder / "decoder.safetensors", trained)

        def anew() -> None:
            stored = load_generator(folder / "decoder.safetensors")
            generate_from(folder / "prompts.json", stored, load_encoder(spec), folder / "anew")

        ways = {
            "loaded": lambda: generate_from(folder / "prompts.json", trained, loaded, folder / "loaded"),
            "anew": anew,
        }
        taken, _ = in_turns(ways, args.runs)
        same = len({(folder / way / WEIGHTS_FILE).read_bytes() for way in ways}) == 1
    lengths = [len(state) for state in loaded.encode(pocket_prompts(trained.num_prompts))]
    flops = decoder_flops(trained.decoder.shapes, trained.decoder.kernel_size)
    flops += encoder_flops(loaded.model[0].auto_model, lengths)
    report(
        "generation",
        args,
        [
            at_most("prompts in a file to an adapter on disk", taken, "loaded", 0.2, flops / flops_peak()),
            claim("the same, against loading both models each time", taken, "loaded", "anew", 1),
        ],
        same_bytes=same,
    )


if __name__ == "__main__":
    main()
