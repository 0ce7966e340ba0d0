"""Folders of installed Python packages that bring a model: looked up, never imported."""

import importlib.util
from pathlib import Path


def package_folder(key: str, package: str, install: str) -> Path:
    """Folder of an installed package, none of whose code is run; ValueError naming the key and how to install it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{key}: {package!r} is not installed; {install}")
    return Path(spec.submodule_search_locations[0])
