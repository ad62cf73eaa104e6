"""Rounds of repartition compiled by numba, to the bits that arrays come to."""
