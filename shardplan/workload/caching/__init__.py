"""What caches in front of a table miss."""
