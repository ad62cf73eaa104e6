"""Whether the statistics of new data are still those that a plan stands on, and what it matters."""
