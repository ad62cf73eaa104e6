"""The tiers of memory of one rank, and the caches between them."""
