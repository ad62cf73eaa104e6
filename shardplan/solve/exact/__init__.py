"""The exact integer program: options and places."""
