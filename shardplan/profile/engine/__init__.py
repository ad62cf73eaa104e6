"""Engines that count: one program over each, by Narwhals."""
