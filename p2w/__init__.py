"""P2W, prompt to weights: from unlabeled prompts of a task to a LoRA adapter for it."""

__version__ = "0.1.0"
