"""What was measured, as CSV."""
