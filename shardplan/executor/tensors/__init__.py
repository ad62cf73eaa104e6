"""Tensors: their types and formats, runs of values, sorting, numbers drawn by hash."""
