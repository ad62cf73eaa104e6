"""A cost model corrected by what was measured."""
