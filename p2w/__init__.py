"""P2W, prompt to weights: from unlabeled prompts of a task to a LoRA adapter for it."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p2w.using.adapter import Adapter
    from p2w.using.generator import Generator

__version__ = "0.1.0"
__all__ = ["Adapter", "Generator", "__version__"]

# Imported when they are asked for: `import p2w` loads nothing.
_PLACES = {"Adapter": "p2w.using.adapter", "Generator": "p2w.using.generator"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'p2w' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
