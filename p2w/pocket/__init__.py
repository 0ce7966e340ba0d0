"""The pocket experiment: a small world of everyday facts, its tables and its base model."""
