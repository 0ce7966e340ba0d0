"""Which files of a folder are which split, by the rules of `datasets`: a dataset card's configs, else their names."""

from pathlib import Path

from datasets import DownloadConfig, Features
from datasets.load import LocalDatasetModuleFactory

# What the rules read; of every other file they look at the name alone.
CARDS = ("README.md", ".huggingface.yaml", "dataset_infos.json")


def split_files(folder: Path, config: str | None, split: str) -> tuple[list[str], Features | None]:
    """Files of a split as paths in `folder`, and what the card says about their columns.

    Without a card, a folder of the config's name holds it. Raises ValueError: no such config or split; lists what
    exists.
    """
    within = config if config and (folder / config).is_dir() else None
    try:
        module = LocalDatasetModuleFactory(str(folder)).get_module()
        if within and not module.builder_configs_parameters.metadata_configs:
            module = LocalDatasetModuleFactory(str(folder), data_dir=within).get_module()
    except Exception as error:  # whatever a card may hold
        raise ValueError(f"found no data files in it ({_reason(error, folder)})") from error
    found = module.builder_configs_parameters
    configs = {known.name: known for known in found.builder_configs or []}
    if "data_files" in module.builder_kwargs:
        files = module.builder_kwargs["data_files"]
    else:
        name = config or found.default_config_name or "default"
        if name not in configs:
            raise ValueError(f"no config {name!r}; configs: {', '.join(configs)}")
        configs[name]._resolve_data_files(base_path=str(folder), download_config=DownloadConfig())
        files = configs[name].data_files
    if split not in files:
        raise ValueError(f"no split {split!r}; splits: {', '.join(map(str, files))}")
    info = (module.dataset_infos or {}).get(config or found.default_config_name)
    root = folder.resolve()
    return [Path(file).relative_to(root).as_posix() for file in files[split]], info and info.features


def _reason(error: Exception, folder: Path) -> str:
    return str(error).replace(str(folder.resolve()), "").replace(str(folder), "")[:200]
