"""A small DLRM, trained and measured under a plan."""
