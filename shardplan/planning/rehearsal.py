"""How long it takes to make a plan of very many tables, by plans of a few of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from shardplan.plan.build_plan import build_plan
from shardplan.plan.decision import Decision
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.file.write import render
from shardplan.plan.predict import predict
from shardplan.plan.verify import verify
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from shardplan.case import Case

_SIZES = (64, 64, 512)
"""Tables of the plans made: the first one also pays for what is made once."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Seconds that parts of making a plan take."""

    building: float = 0.0
    """To predict it and to put it together."""
    verifying: float = 0.0
    rendering: float = 0.0

    @classmethod
    def of(cls, case: Case, clock: Callable[[], float]) -> Self:
        """Of all tables of a case, from how much longer it takes of a few more of them."""
        count = len(case.workload.tables)
        _, less, more = (_timed(case, min(size, count), clock) for size in _SIZES)
        few, many = (min(size, count) for size in _SIZES[1:])
        times = (count - few) / max(many - few, 1)
        return cls(*(one + max(other - one, 0.0) * times
                     for one, other in zip(less, more, strict=True)))  # fmt: skip

    @property
    def drafting(self) -> float:
        """All of them."""
        return self.building + self.verifying + self.rendering


def _timed(case: Case, count: int, clock: Callable[[], float]) -> tuple[float, float, float]:
    """Seconds for a plan of so many tables, from all over the case, each whole on a device."""
    every = case.spec.tables
    tables = tuple(every[number * len(every) // count] for number in range(count))
    part, devices = case.with_(tables=tables), case.topology.world_size
    decisions = [
        Decision(table, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (table % devices,))
        for table in range(count)
    ]
    times = [clock()]
    prediction = predict(part, decisions)
    claim = Optimality.of(
        part.objective,
        prediction.step_seconds,
        0.0,
        bound="none",
        status=Status.FEASIBLE,
        termination=Termination.FINISHED,
    )
    solver = SolverInfo(method="none", seed=0, shardplan_version=__version__)
    run = RunInfo(generated_at="", elapsed_seconds=0.0)
    plan = build_plan(part, decisions, prediction, claim, solver, run)
    times.append(clock())
    verify(plan, part)
    times.append(clock())
    render(plan)
    times.append(clock())
    building, verifying, rendering = (end - begin for begin, end in pairwise(times))
    return building, verifying, rendering
