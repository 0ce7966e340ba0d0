"""The command line `p2w`: one module per command, with its options, its examples and what it prints."""
