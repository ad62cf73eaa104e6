"""Gradients of pooled outputs on their way to the devices that hold the rows."""

from __future__ import annotations

from shardplan.cost.analytic.phases.output_exchange import OutputExchange
from shardplan.cost.phases import GRADIENT_COMM
from shardplan.topology.collective import Collective


class GradientComm(OutputExchange):
    """Gradients of sums of parts of the rows are gathered."""

    about = GRADIENT_COMM
    rows_kind = Collective.ALL_GATHER

    is_forward = False
