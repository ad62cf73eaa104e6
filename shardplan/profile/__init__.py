"""Statistics of tables from the data that a job reads: counts, what they say, and their drift."""
