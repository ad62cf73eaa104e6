"""Who solves candidates, here or side by side."""
