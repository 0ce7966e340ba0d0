"""Scorers of free answers: a text and its reference, right or not."""
