"""Pooled outputs on their way to the devices of their samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.analytic.phases.output_exchange import OutputExchange
from shardplan.cost.phases import OUTPUT_COMM
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.training import Training


class OutputComm(OutputExchange):
    """Sums of parts of the rows are reduced and scattered."""

    about = OUTPUT_COMM
    rows_kind = Collective.REDUCE_SCATTER

    @classmethod
    def wire_dtype(cls, training: Training) -> Dtype:
        """The format on the wire."""
        return training.comm_forward
