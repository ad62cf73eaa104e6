"""The compute kernels: where a table's rows live and who reads them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from shardplan.registry import Named, Registry

if TYPE_CHECKING:
    from shardplan.sharding.kind import ShardingType


class MemoryTier(IntEnum):
    """A tier of memory; as a number the column of arrays of bytes per tier."""

    HBM = 0
    DDR = 1
    SSD = 2


@dataclass(frozen=True, eq=False, repr=False)
class Kernel(Named):
    """How a shard is stored and looked up; the strings are TorchRec's."""

    name: str
    rows_in: MemoryTier
    """Where all rows lie."""
    state_in: MemoryTier
    """Where the optimizer state lies, but for the numbers of row-wise optimizers (in HBM)."""
    caches_in: tuple[MemoryTier, ...] = ()
    """The tiers above that of the rows that hold copies of some, nearest first."""
    is_plain: bool = False
    """Rows are a plain parameter with a dense gradient, as those of replicated tables are."""

    DENSE: ClassVar[Kernel]
    """A plain parameter in HBM; the only kernel of data-parallel tables."""
    FUSED: ClassVar[Kernel]
    """Wholly in HBM, the optimizer fused into the backward pass."""
    FUSED_UVM: ClassVar[Kernel]
    """Wholly in DDR, read over the host link."""
    FUSED_UVM_CACHING: ClassVar[Kernel]
    """In DDR with a cache of its hottest rows in HBM."""
    KEY_VALUE: ClassVar[Kernel]
    """On SSD with a cache above it."""

    @classmethod
    def registry(cls) -> Registry[Kernel]:
        """All kernels."""
        return KERNELS

    @property
    def caches(self) -> bool:
        """Whether it keeps a cache of rows in HBM above a slower tier."""
        return bool(self.caches_in)

    @property
    def caches_ddr(self) -> bool:
        """Whether it caches rows that lie in DDR."""
        return self.caches and self.rows_in is MemoryTier.DDR

    @property
    def reads_ddr(self) -> bool:
        """Whether it looks rows up in DDR, over the host link."""
        return not self.caches and self.rows_in is MemoryTier.DDR

    @property
    def is_on_ssd(self) -> bool:
        """Whether rows lie on SSD; no device can then hold two shards of a table."""
        return self.rows_in is MemoryTier.SSD

    @property
    def needs_ddr(self) -> bool:
        """Whether rows lie in DDR, or pass it on their way."""
        return self.rows_in is not MemoryTier.HBM

    def runs(self, sharding: ShardingType) -> bool:
        """Whether tables of a sharding type can use it: replicated ones are plain parameters."""
        return self.is_plain == sharding.is_replicated


KERNELS: Registry[Kernel] = Registry()
"""The kernels, those that were added last included; arrays of options hold codes of it."""


_add = KERNELS.add
_HBM, _DDR, _SSD = MemoryTier.HBM, MemoryTier.DDR, MemoryTier.SSD

Kernel.DENSE = _add(Kernel("dense", rows_in=_HBM, state_in=_HBM, is_plain=True))
Kernel.FUSED = _add(Kernel("fused", rows_in=_HBM, state_in=_HBM))
Kernel.FUSED_UVM = _add(Kernel("fused_uvm", rows_in=_DDR, state_in=_DDR))
Kernel.FUSED_UVM_CACHING = _add(
    Kernel("fused_uvm_caching", rows_in=_DDR, state_in=_DDR, caches_in=(_HBM,))
)
Kernel.KEY_VALUE = _add(Kernel("key_value", rows_in=_SSD, state_in=_HBM, caches_in=(_HBM, _DDR)))
