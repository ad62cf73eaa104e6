"""What people write: YAML with marks, units, validation, and the lookup of names."""
