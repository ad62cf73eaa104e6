"""Lookup, gradients summed by row, and the optimizers."""
