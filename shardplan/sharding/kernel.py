"""The compute kernels: where a table's rows live and who reads them."""

from __future__ import annotations

from enum import StrEnum


class Kernel(StrEnum):
    """How a shard is stored and looked up; the strings are TorchRec's."""

    DENSE = "dense"
    """A plain parameter in HBM; the only kernel of data-parallel tables."""
    FUSED = "fused"
    """Wholly in HBM, the optimizer fused into the backward pass."""
    FUSED_UVM = "fused_uvm"
    """Wholly in DDR, read over the host link."""
    FUSED_UVM_CACHING = "fused_uvm_caching"
    """In DDR with a cache of its hottest rows in HBM."""
    KEY_VALUE = "key_value"
    """On SSD with a cache above it."""


KERNELS: tuple[Kernel, ...] = tuple(Kernel)
"""The kernels in the order of the codes that arrays of options hold."""

CACHING_KERNELS: frozenset[Kernel] = frozenset({Kernel.FUSED_UVM_CACHING, Kernel.KEY_VALUE})
"""Those that keep a cache of rows in HBM above a slower tier."""
