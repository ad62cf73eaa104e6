"""Where memory is scarce: what units that nearly fill a device cost the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from shardplan.solve.bound.filling_units import PRICINGS, FillingUnits
from shardplan.solve.mixing.representatives import near_best
from shardplan.solve.search.move import Move, Turn, When

if TYPE_CHECKING:
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class FillingUnitsBound(Move):
    """Tell devices with and without filling units apart: a program for each number of them."""

    name: ClassVar[str] = "filling_units"
    when: ClassVar[When] = When.FIRST_RESTART
    methods: ClassVar[frozenset[str]] = frozenset({"auto"})

    most_devices: int = 32
    """In the first pass, since each number of devices with filling units is a program; from pass
    to pass there may be more."""
    ranges: int = 40
    """Programs, at most, and more by more effort."""
    first_options: int = 3
    """Of an item and shape, with which it begins; others are let in as they are wanted, ..."""
    pricings: int = PRICINGS
    """... in this many rounds, before all are."""
    free_share: float = 1e-3
    """Of a memory, free in one that is full."""

    def improve(self, record: Record, turn: Turn) -> None:
        """Raise the bound, where the relaxation is tempted to fill devices."""
        problem, relaxation = record.problem, record.relaxation
        if problem.device_count > self.most_devices * max(1.0, turn.stretch):
            return
        units = FillingUnits.of(problem) if record.placement is not None else None
        if units is None or not units.are_tempting(relaxation, self.free_share):
            return
        record.reporter.starting("filling units")
        bound = units.lower_bound(
            relaxation.unit_rows,
            near_best(problem, relaxation, self.first_options),
            upper_bound=record.objective,
            limits=record.limits(round(self.ranges * max(1.0, record.budget.effort))),
            should_stop=record.should_stop,
            pricings=self.pricings,
        )
        record.prove(bound, "filling units")
