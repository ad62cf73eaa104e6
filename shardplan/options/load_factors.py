"""The sizes of caches that are planned with."""

from __future__ import annotations

LOAD_FACTORS: tuple[float, ...] = (*(2.0**-halvings for halvings in range(9, 0, -1)), 0.9)
"""Shares of a table's rows that caches hold, rising.

What caches miss is taken as straight between these, so that a plan may use any share from the least
to the largest. Misses fall about in proportion to the logarithm of a cache's size under Zipf's law,
and so lie evenly on powers of two. Below the least a cache has no rows worth its bookkeeping, and
above the largest it saves next to no memory.
"""

CACHE_SIZES: tuple[tuple[float, float], ...] = tuple(
    (hbm, both - hbm) for hbm in LOAD_FACTORS for both in LOAD_FACTORS if both >= hbm
)
"""Shares of the rows in HBM and in DDR above SSD: the first and their sum are load factors."""
