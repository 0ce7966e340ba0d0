"""Samples and an adapter as files, to evaluate."""

from p2w.adapters.peft_folder import write_adapter
from p2w.data.samples import write_samples
from tests.support.adapters import constant_adapter


def write_toy(tmp_path, base, samples):
    samples_path, folder = tmp_path / "test.parquet", tmp_path / "adapter"
    write_samples(samples_path, samples, {})
    write_adapter(folder, *constant_adapter(base, 0.05))
    return samples_path, folder
