"""What people do with a generator: adapters from prompts of their own, answers, scores, exports."""
