"""The search: bounds first, then plans, until every candidate is decided."""
