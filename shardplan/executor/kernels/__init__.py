"""Loops over rows that numba compiles, where it is installed."""
