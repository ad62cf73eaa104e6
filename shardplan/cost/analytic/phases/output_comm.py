"""Pooled outputs on their way to the devices of their samples."""

from __future__ import annotations

from shardplan.cost.analytic.phases.output_exchange import OutputExchange
from shardplan.cost.phases import OUTPUT_COMM
from shardplan.topology.collective import Collective


class OutputComm(OutputExchange):
    """Sums of parts of the rows are reduced and scattered."""

    about = OUTPUT_COMM
    rows_kind = Collective.REDUCE_SCATTER

    is_forward = True
