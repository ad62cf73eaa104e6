"""Whether a running job still takes what it took."""
