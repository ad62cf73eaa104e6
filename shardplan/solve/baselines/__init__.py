"""Published ways to place whole tables, to compare with."""
