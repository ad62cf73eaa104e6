"""Placement as arrays: the problem, what solves it, and what bounds it."""
