"""The Hugging Face Hub: its own client, pinned revisions, checked bytes."""
