"""A mixed-integer program as arrays, and who solves it."""
