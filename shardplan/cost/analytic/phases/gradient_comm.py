"""Gradients of pooled outputs on their way to the devices that hold the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.analytic.phases.output_exchange import OutputExchange
from shardplan.cost.phases import GRADIENT_COMM
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.training import Training


class GradientComm(OutputExchange):
    """Gradients of sums of parts of the rows are gathered."""

    about = GRADIENT_COMM
    rows_kind = Collective.ALL_GATHER

    @classmethod
    def wire_dtype(cls, training: Training) -> Dtype:
        """The format on the wire."""
        return training.comm_backward
