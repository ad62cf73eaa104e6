"""The map from raw ids to rows that a managed collection learns, and what it takes of memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENTRY_BYTES = 8
"""Raw ids, the rows that they map to, and counts or times are int64."""
_HISTORY_ROOM = 1.25
"""Room for the ids seen between two evictions, over how many they are expected to be."""


class IdMapPolicy(StrEnum):
    """How a map finds rows, and which row makes room for a new id, by their names in a spec."""

    LFU = "lfu"
    """A sorted map (``MCHManagedCollisionModule``) that drops the id read least often."""
    LRU = "lru"
    """The same, dropping the id not read for longest."""
    DISTANCE_LFU = "distance_lfu"
    """The same, weighing both."""
    HASH = "hash"
    """Hashed with probing (``HashZchManagedCollisionModule``), dropping none."""
    HASH_EVICTING = "hash_evicting"
    """The same, dropping ids that have expired."""

    @property
    def is_hashed(self) -> bool:
        """Whether an id's row is found by its hash."""
        return self in {IdMapPolicy.HASH, IdMapPolicy.HASH_EVICTING}


_ENTRIES_OF_ROW: Final = {
    IdMapPolicy.LFU: 3 * _ENTRY_BYTES,
    IdMapPolicy.LRU: 3 * _ENTRY_BYTES,
    IdMapPolicy.DISTANCE_LFU: 4 * _ENTRY_BYTES,
    IdMapPolicy.HASH: _ENTRY_BYTES,
    IdMapPolicy.HASH_EVICTING: _ENTRY_BYTES + 4,
}
_HISTORY_ENTRIES: Final = {IdMapPolicy.LFU: 1, IdMapPolicy.LRU: 2, IdMapPolicy.DISTANCE_LFU: 2}
_OTHERS = "replicas would hold rows of other ids"


@dataclass(frozen=True, slots=True)
class IdMap:
    """One map for each table, cut by rows as the table is (torchrec 1.8, ``modules/mc_modules.py``
    and ``modules/hash_mc_modules.py``)."""

    policy: IdMapPolicy = IdMapPolicy.LFU
    interval: int = 1
    """Steps between two evictions."""
    returns_ids: bool = False
    """Whether the rows that ids were mapped to travel back to the ids' device."""
    runtime_meta_dim: int = 0
    """Numbers that a hashed map keeps of each row besides."""

    def differences(self, other: IdMap) -> Iterator[tuple[str, object, object]]:
        """By the names of a spec, what of the two is not alike: this one's, and the other's."""
        for key, own, others in (
            ("policy", self.policy, other.policy),
            ("eviction_interval", self.interval, other.interval),
            ("returns_ids", self.returns_ids, other.returns_ids),
            ("runtime_meta_dim", self.runtime_meta_dim, other.runtime_meta_dim),
        ):
            if own != others:
                yield key, own, others

    @property
    def unmerged(self) -> str:
        """Why maps that several groups of devices learn cannot be made one; empty where they can.

        TorchRec 1.8 merges hashed maps by when their ids expire
        (``HashZchManagedCollisionModule.sync_identities``), and nothing that is kept besides.
        """
        if not self.policy.is_hashed:
            return f"maps ids by {self.policy}, which each group does for itself: {_OTHERS}"
        if self.policy is not IdMapPolicy.HASH_EVICTING:
            return f"maps ids by {self.policy}, which keeps nothing to merge maps by: {_OTHERS}"
        if self.runtime_meta_dim:
            return "keeps numbers by runtime_meta_dim, which stay behind where maps are merged"
        return ""

    @property
    def row_bytes(self) -> int:
        """Of HBM, for each row of the table."""
        return _ENTRIES_OF_ROW[self.policy] + self.runtime_meta_dim * _ENTRY_BYTES

    @property
    def id_bytes(self) -> float:
        """Of HBM, for each id of a step that a device receives: of the history of ids."""
        entries = _HISTORY_ENTRIES.get(self.policy, 0)
        return entries * _ENTRY_BYTES * _HISTORY_ROOM * self.interval
