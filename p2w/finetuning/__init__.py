"""LoRA training of one task or of many together."""
