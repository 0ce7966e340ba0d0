"""The frozen base model, its chat template, its token batches."""
