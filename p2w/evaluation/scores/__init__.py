"""Free answers, right or wrong: one module per kind of score, a table of them, and where a model's code is run."""
