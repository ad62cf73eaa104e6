"""What was compared: a machine, how many nodes of it, in how many groups, at which batch."""

from functools import total_ordering
from typing import Self

from pydantic import Field, model_validator

from shardplan.plan.file.plan_model import PlanModel, Positive
from shardplan.spec.validation.fault import fault


@total_ordering
class Design(PlanModel):
    """One candidate, by what tells it from the others; they are ordered by these."""

    machine: str
    """The topology's name."""
    nodes: Positive
    devices_per_node: Positive
    groups: Positive = 1
    """Of devices that each hold all tables."""
    global_batch: Positive
    """Samples of one step over all devices."""

    @property
    def devices(self) -> int:
        """Over all nodes."""
        return self.nodes * self.devices_per_node

    @property
    def local_batch(self) -> float:
        """Samples of one step on each device."""
        return self.global_batch / self.devices

    @property
    def words(self) -> str:
        """``4 nodes of dgx-h100, 2 groups, batch 65,536``."""
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{_nodes(self.nodes)} of {self.machine}{groups}, batch {self.global_batch:,}"

    def __lt__(self, other: Self) -> bool:
        return self._key < other._key

    @property
    def _key(self) -> tuple[str, int, int, int, int]:
        return (
            self.machine,
            self.global_batch,
            self.groups,
            self.nodes,
            self.devices_per_node,
        )


class DesignRange(PlanModel):
    """One candidate, or several node counts of a machine that one proof is about."""

    first: Design
    """Of the fewest nodes."""
    last: Design
    """Of the most; the first again where there is one candidate."""
    candidates: Positive = Field(default=1)
    """How many lie between the two, both among them."""

    @classmethod
    def of(cls, *designs: Design) -> Self:
        """The range of these, which are in the same number of groups of the same machine."""
        ordered = sorted(designs, key=lambda design: design.nodes)
        return cls(first=ordered[0], last=ordered[-1], candidates=len(ordered))

    @property
    def words(self) -> str:
        """``1 node of dgx-h100, batch 65,536``; ``2 to 64 nodes of ..``."""
        if self.first == self.last:
            return self.first.words
        first, last = self.first, self.last
        groups = f", {first.groups} groups" if first.groups > 1 else ""
        batches = f"{first.global_batch:,}"
        if last.global_batch != first.global_batch:
            batches += f" to {last.global_batch:,}"
        nodes = _nodes(first.nodes)
        if last.nodes != first.nodes:
            nodes = f"{first.nodes:,} to {last.nodes:,} nodes"
        return f"{nodes} of {first.machine}{groups}, batch {batches}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        same = ("machine", "devices_per_node", "groups")
        for key in same:
            if getattr(self.first, key) != getattr(self.last, key):
                raise fault("must be that of the first", "", at=("last", key))
        if self.last.nodes < self.first.nodes:
            raise fault("must be no fewer than those of the first", "", at=("last", "nodes"))
        return self


def _nodes(count: int) -> str:
    return f"{count:,} node" + ("" if count == 1 else "s")
