"""A machine that could be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.sharding.grouping import Grouping

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.spec.sizing.offer_spec import OfferSpec


@dataclass(frozen=True, eq=False, slots=True)
class Offer:
    """A machine, the numbers of nodes that are asked about, and what it costs."""

    name: str
    """No two of a space are called the same."""
    case: Case
    """On this machine, in some number of nodes and at some batch."""
    spec: OfferSpec
    """Its price, and the nodes that stand by."""
    nodes: tuple[int, ...]
    """Rising."""

    @property
    def devices_per_node(self) -> int:
        """Of the whole machine."""
        return self.case.topology.whole.devices_per_node

    def problem_with(self, nodes: int, groups: int, batch: int) -> str:
        """Why it cannot be had so, or not share such a batch; empty where it can."""
        machine = self.case.machine
        if problem := machine.file.problem_with(nodes):
            return problem
        devices = nodes * self.devices_per_node
        if batch % devices:
            return f"{batch:,} samples are no whole number on each of {devices:,} devices"
        return machine.problem_with(self.grouping(groups), nodes) if groups > 1 else ""

    def grouping(self, groups: int) -> Grouping:
        """So many groups, in the order that the spec says."""
        replicas = self.case.spec.training.replicas
        return Grouping(groups, replicas.order) if replicas else Grouping(groups)
