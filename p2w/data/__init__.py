"""Tasks, raw tables, samples."""
