"""Samples of a step: of all modules alike, of single ones, and of features."""
