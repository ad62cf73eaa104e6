"""The plans that are worth a run."""
