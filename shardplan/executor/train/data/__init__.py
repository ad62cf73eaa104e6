"""Where samples come from: a Criteo file, or a hash."""
