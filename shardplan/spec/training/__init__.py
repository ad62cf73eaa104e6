"""Larger parts of what a spec says of training."""
