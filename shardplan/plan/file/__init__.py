"""The keys of the plan file, reading and writing it."""
