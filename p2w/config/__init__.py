"""What an experiment or a task table may say: closed, typed, known before anything runs. Imports no torch."""
