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
    is_dynamic: bool = False
    """Rows are those of a hash table, dealt to all devices, with their state beside them; the index
    is in HBM."""
    is_split: bool = False
    """What HBM holds is no copy: a row lies there or in the farther tier."""
    torchrec_name: str = ""
    """The string by which TorchRec knows it; empty: ``name``."""

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
    DYNAMIC_HBM: ClassVar[Kernel]
    """A hash table with all values in HBM."""
    DYNAMIC_CACHING: ClassVar[Kernel]
    """A hash table with all values in DDR, and copies of the hottest in HBM."""
    DYNAMIC_HYBRID: ClassVar[Kernel]
    """A hash table whose values lie in HBM or in DDR, each in one of them."""
    DYNAMIC_HOST: ClassVar[Kernel]
    """A hash table with all values in DDR."""

    @classmethod
    def registry(cls) -> Registry[Kernel]:
        """All kernels."""
        return KERNELS

    @property
    def caches(self) -> bool:
        """Whether it keeps a cache of rows in HBM above a slower tier."""
        return bool(self.caches_in)

    @property
    def is_dynamic_part(self) -> bool:
        """Whether HBM holds some of the values of a hash table, and the host others."""
        return self.is_dynamic and self.caches

    @property
    def caches_ddr(self) -> bool:
        """Whether it caches rows of a plain table that lie in DDR."""
        return self.caches and self.rows_in is MemoryTier.DDR and not self.is_dynamic

    @property
    def reads_ddr(self) -> bool:
        """Whether it looks rows of a plain table up in DDR, over the host link."""
        return not self.caches and self.rows_in is MemoryTier.DDR and not self.is_dynamic

    @property
    def is_on_ssd(self) -> bool:
        """Whether rows lie on SSD; no device can then hold two shards of a table."""
        return self.rows_in is MemoryTier.SSD

    @property
    def needs_ddr(self) -> bool:
        """Whether rows lie in DDR, or pass it on their way."""
        return self.rows_in is not MemoryTier.HBM

    @property
    def is_fused_in_hbm(self) -> bool:
        """Whether all rows of a plain table lie in HBM, updated where they are looked up."""
        in_hbm = self.rows_in is MemoryTier.HBM
        return in_hbm and not (self.is_plain or self.is_dynamic or self.caches)

    def runs(self, sharding: ShardingType) -> bool:
        """Whether tables of a sharding type can use it.

        Replicated ones are plain parameters; rows of dynamic ones are dealt to all devices; the
        hottest rows of a table are kept apart from others that lie in HBM too.
        """
        if self.is_dynamic and not sharding.deals_rows_to_all:
            return False
        if sharding.keeps_hot_rows and not self.is_fused_in_hbm:
            return False
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
_DYNAMIC = "customized_kernel"
Kernel.DYNAMIC_HBM = _add(
    Kernel("dynamic_hbm", rows_in=_HBM, state_in=_HBM, is_dynamic=True, torchrec_name=_DYNAMIC)
)
Kernel.DYNAMIC_CACHING = _add(
    Kernel(
        "dynamic_caching", rows_in=_DDR, state_in=_DDR, caches_in=(_HBM,),
        is_dynamic=True, torchrec_name=_DYNAMIC,
    )
)  # fmt: skip
Kernel.DYNAMIC_HYBRID = _add(
    Kernel(
        "dynamic_hybrid", rows_in=_DDR, state_in=_DDR, caches_in=(_HBM,),
        is_dynamic=True, is_split=True, torchrec_name=_DYNAMIC,
    )
)  # fmt: skip
Kernel.DYNAMIC_HOST = _add(
    Kernel("dynamic_host", rows_in=_DDR, state_in=_DDR, is_dynamic=True, torchrec_name=_DYNAMIC)
)
