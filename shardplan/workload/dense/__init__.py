"""The dense part of a model: its layers by their shapes, and how they are trained."""
