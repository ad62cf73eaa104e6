"""The tables of a spec, written in it or in a separate file."""
