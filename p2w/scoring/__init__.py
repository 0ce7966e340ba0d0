"""Answers of a model under many adapters, and what is counted from them."""
