"""Ids, sums and gradients on their way between ranks."""
