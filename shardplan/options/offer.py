"""Which kernels are offered to the tables of a problem."""

from __future__ import annotations

from dataclasses import dataclass

from shardplan.sharding.kernel import CACHING_KERNELS, Kernel
from shardplan.workload.training import Optimizer

_SCARCE = 2
"""Caches are offered from so many times the tables' bytes downwards."""
_KEY_VALUE_OPTIMIZERS = (Optimizer.ROWWISE_ADAGRAD, Optimizer.ADAM)
"""What FBGEMM trains from SSD (``SSDTableBatchedEmbeddingBags``)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The kernels that tables may use."""

    kernels: frozenset[Kernel]
    """All that run."""
    on_request: frozenset[Kernel] = frozenset()
    """Of these, what only tables may use whose constraints name it."""

    @property
    def unasked(self) -> frozenset[Kernel]:
        """What a table may use whose constraints name no kernel."""
        return self.kernels - self.on_request


def make_offer(
    known: frozenset[Kernel],
    optimizer: Optimizer,
    free_bytes: tuple[float, float, float],
    table_bytes: float,
) -> Offer:
    """Offer what runs, and caches unasked only where memory is scarce.

    ``known`` are the kernels that the cost model predicts, ``free_bytes`` what all devices and
    nodes offer of HBM, DDR and SSD together, ``table_bytes`` all tables wholly in one tier.

    A table wholly in the nearer tier costs less time than any cache of it. Where all tables take
    less than half of that tier, there is room for each, whatever else a plan balances: caches would
    only make the problem larger.
    """
    hbm, ddr, ssd = free_bytes
    kernels = known - (frozenset() if ddr > 0 else {Kernel.FUSED_UVM, *CACHING_KERNELS})
    if ssd <= 0 or optimizer not in _KEY_VALUE_OPTIMIZERS:
        kernels -= {Kernel.KEY_VALUE}
    on_request = set()
    if _SCARCE * table_bytes <= hbm:
        on_request.add(Kernel.FUSED_UVM_CACHING)
    if _SCARCE * table_bytes <= hbm + ddr:
        on_request.add(Kernel.KEY_VALUE)
    return Offer(kernels, kernels & on_request)
