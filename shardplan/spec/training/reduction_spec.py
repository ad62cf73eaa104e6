"""How gradients of data-parallel tables are summed, as people write it."""

from __future__ import annotations

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Share
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm


class ReductionSpec(Border):
    """The all-reduce of data-parallel tables."""

    algorithm: ReductionAlgorithm = ReductionAlgorithm.FLAT
    """``flat``: one collective over all devices; ``hierarchical``: inside the nodes, across them,
    and inside again; ``auto``: that of the faster plan."""
    top_k: Share | None = None
    """Share of the numbers that each device sends, the largest ones; the rest waits for later
    steps, which changes what is learnt. By default all are sent."""

    @property
    def reduction(self) -> Reduction:
        """What it says."""
        return Reduction(self.algorithm, self.top_k)
