"""Moves that raise the lower bound, and find placements on the way."""
