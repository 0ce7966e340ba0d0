"""What every command needs while it runs: its command line, progress, saved state, memory, processes."""
