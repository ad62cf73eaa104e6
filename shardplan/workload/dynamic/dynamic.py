"""What a dynamic table is: a hash table that grows up to its rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

KEY_BYTES, DIGEST_BYTES, SCORE_BYTES, COUNTER_BYTES = 8, 1, 8, 4
SLOT_BYTES = KEY_BYTES + DIGEST_BYTES + SCORE_BYTES + COUNTER_BYTES
"""Index of a row: the id, a digest of it, when it was last read, and how many still use it
(``ScoredHashTable`` of NVIDIA's dynamicemb 26.07)."""
BUCKET_ROWS = 128
"""Rows of a bucket of the hash table, unless it says otherwise."""


class DynamicMode(StrEnum):
    """Where the values of a dynamic table lie: rows with their optimizer state."""

    AUTO = "auto"
    """Wherever the plan finds best."""
    HBM = "hbm"
    """All in HBM."""
    CACHING = "caching"
    """All on the host, the hottest also in HBM."""
    HYBRID = "hybrid"
    """Each in HBM or on the host, and it stays there."""
    HOST = "host"
    """All on the host; the index is in HBM all the same."""


class IdDeal(StrEnum):
    """Which device has the row of an id; dynamicemb's ``dist_type``."""

    CONTINUOUS = "continuous"
    """Equal blocks of ids."""
    ROUNDROBIN = "roundrobin"
    """The id modulo the devices."""
    HASH_ROUNDROBIN = "hash_roundrobin"
    """A hash of the id modulo the devices."""

    @property
    def levels_blocks(self) -> bool:
        """Whether neighbouring ids lie on different devices; a single hot id stays whole."""
        return self is not IdDeal.CONTINUOUS


class Eviction(StrEnum):
    """Which row makes room where all are taken."""

    LRU = "lru"
    """The one not read for longest."""
    LFU = "lfu"
    """The one read least often."""
    NONE = "none"
    """None does, so that the index has twice the slots: it is half full at most."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """How a table is kept that is dynamic; its ``rows`` are the most that it may grow to.

    Tables of a module that agree in all that is said here but the mode share one container, and
    their budgets of HBM are pooled: see ``containers``.
    """

    mode: DynamicMode = DynamicMode.AUTO
    hbm_bytes: int | None = None
    """The budget of HBM for values, over all devices; None: what the plan finds, or ``hbm_share``.
    """
    hbm_share: float | None = None
    """The same as a share of all values."""
    bucket_rows: int = BUCKET_ROWS
    slot_bytes: int = SLOT_BYTES
    """Index of one row."""
    dist: IdDeal = IdDeal.ROUNDROBIN
    evict: Eviction = Eviction.LRU

    @property
    def is_pinned(self) -> bool:
        """Whether the budget of HBM is given."""
        return self.hbm_bytes is not None or self.hbm_share is not None

    @property
    def slots_per_row(self) -> int:
        """Of the index."""
        return 2 if self.evict is Eviction.NONE else 1
