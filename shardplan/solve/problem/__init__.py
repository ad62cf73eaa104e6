"""The placement problem as arrays, a placement of it, and what it costs."""
