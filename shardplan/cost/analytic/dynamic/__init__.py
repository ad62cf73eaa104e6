"""Dynamic tables: what they hold, and what crosses the host link for them."""
