"""The plan file of a model that is served."""
