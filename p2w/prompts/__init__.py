"""Prompts as a generator sees them: encoder, embeddings, variants."""
