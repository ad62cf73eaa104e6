"""The formats of what goes over the wire."""
