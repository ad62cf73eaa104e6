"""Parts of a machine whose devices each hold all tables."""
