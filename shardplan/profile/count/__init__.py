"""Counting the ids of a table, and what is left of the counts."""
