"""The types of what people write, with units and provenance."""
