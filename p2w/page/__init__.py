"""The page of `p2w serve`: prompts in, an adapter out, its answers beside the base model's."""
