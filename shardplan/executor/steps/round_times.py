"""Steps of several plans in turn, round after round, and what each part took."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.errors import PlanRefused
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.steps.drawn_batch import drawn_batch
from shardplan.executor.steps.timed_tables import LEARNING_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.executor.steps.timed_tables import TimedTables
    from shardplan.plan.file.plan import Plan

PARTS = ("distribute", "forward", "backward", "step")
"""What is told of a step, in order: its parts, and all of it."""
CLOCKS = (time.perf_counter, time.process_time)
"""By which: what passes, and what a rank spends on a core."""


@dataclass(frozen=True, eq=False, slots=True)
class Standing:
    """The tables of one plan on this rank, ready for steps, with the batch that they get."""

    tables: TimedTables
    batch: Any
    gradients: list[Any]

    def timed(self) -> list[list[float]]:
        """(CLOCKS, PARTS): each the slowest rank's."""
        tables = self.tables
        dist.barrier()
        times = [_read()]
        inputs = tables.distribute(self.batch)
        times.append(_read())
        outputs = tables.forward(inputs)
        times.append(_read())
        tables.backward(outputs, self.gradients)
        times.append(_read())
        read = torch.tensor(times, dtype=torch.float64).T
        seconds = torch.cat([read.diff(dim=1), read[:, -1:] - read[:, :1]], dim=1)
        dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
        found: list[list[float]] = seconds.tolist()
        return found


def _read() -> list[float]:
    return [clock() for clock in CLOCKS]


def stand(
    sharded: Callable[[Plan], TimedTables], plans: Sequence[Plan], seed: int = 0
) -> list[Standing]:
    """Shard all plans, side by side; a collective.

    Gradients of the outputs are constants, and there are no layers but the tables. Raises what
    ``sharded`` does, and PlanRefused where a module is no plain bag, on every rank alike.
    """
    if others := sorted({path for plan in plans for path in plan.modules or ()}):
        raise PlanRefused(
            [f"{path}: only steps of plain bags are timed" for path in others]
        ).agreed()
    found = []
    for plan in plans:
        view, tables = view_plan(plan), sharded(plan)
        batch = tables.prepared(drawn_batch(view, dist.get_rank(), seed))
        gradients = [
            torch.full((view.training.local_batch, _columns(view.tables_of(module))), LEARNING_RATE)
            for module in view.modules
        ]
        found.append(Standing(tables, batch, gradients))
    return found


def round_times(standing: Sequence[Standing], rounds: int) -> list[list[list[list[float]]]]:
    """(rounds, plans, CLOCKS, PARTS) seconds of the slowest rank; a collective.

    Plans are trained in turn, so that what disturbs the machine for a while disturbs all of them.
    """
    return [[each.timed() for each in standing] for _ in range(rounds)]


def _columns(tables: Sequence[Any]) -> int:
    return sum(table.dim * len(table.features) for table in tables)
