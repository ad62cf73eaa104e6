"""Seconds and bytes of the dense part, from the shapes of its layers."""
