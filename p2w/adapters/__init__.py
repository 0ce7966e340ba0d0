"""LoRA adapters as files: layout, PEFT folders, checkpoint tables, weight tokens."""
