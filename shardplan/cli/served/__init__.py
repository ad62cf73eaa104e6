"""What commands do with models that are served."""
