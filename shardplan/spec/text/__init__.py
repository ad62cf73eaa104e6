"""Text -> plain values, each with its place; safe against hostile files."""
