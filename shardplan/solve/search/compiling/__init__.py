"""Loops compiled by numba, where it is installed and there is time for that."""
