"""Closed, typed settings: experiments, tasks, schemas."""
