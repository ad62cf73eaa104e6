"""Commands for models that are served."""
