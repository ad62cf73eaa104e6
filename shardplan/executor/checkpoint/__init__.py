"""Checkpoints that load under any plan."""
