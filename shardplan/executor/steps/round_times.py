"""Steps of several plans in turn, round after round, and what each part took."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.steps.drawn_batch import drawn_batch
from shardplan.executor.steps.timed_tables import LEARNING_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.executor.steps.timed_tables import TimedTables
    from shardplan.plan.file.plan import Plan

PARTS = ("distribute", "forward", "backward", "step", "core")
"""What is told of a step, in order; ``core`` is what a rank spends on a core, all else the clock's.
"""


@dataclass(frozen=True, eq=False, slots=True)
class _Trained:
    tables: TimedTables
    batch: Any
    gradients: list[Any]

    def timed(self) -> list[float]:
        """(parts,): each the slowest rank's."""
        tables = self.tables
        dist.barrier()
        worked, times = time.process_time(), [time.perf_counter()]
        inputs = tables.distribute(self.batch)
        times.append(time.perf_counter())
        outputs = tables.forward(inputs)
        times.append(time.perf_counter())
        tables.backward(outputs, self.gradients)
        times.append(time.perf_counter())
        core = time.process_time() - worked
        parts = [after - before for before, after in zip(times, times[1:], strict=False)]
        seconds = torch.tensor([*parts, times[-1] - times[0], core], dtype=torch.float64)
        dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
        found: list[float] = seconds.tolist()
        return found


def round_times(
    sharded: Callable[[Plan], TimedTables],
    plans: Sequence[Plan],
    rounds: int,
    warm_up: int,
    seed: int = 0,
) -> list[list[list[float]]]:
    """(rounds, plans, PARTS) seconds of the slowest rank; a collective.

    Plans are trained in turn, so that what disturbs the machine for a while disturbs all of them.
    Gradients of the outputs are constants, and there are no layers but the tables. Raises what
    ``sharded`` does, on every rank alike.
    """
    trained = []
    for plan in plans:
        view, tables = view_plan(plan), sharded(plan)
        batch = tables.prepared(drawn_batch(view, dist.get_rank(), seed))
        gradients = [
            torch.full((view.training.local_batch, _columns(view.tables_of(module))), LEARNING_RATE)
            for module in view.modules
        ]
        trained.append(_Trained(tables, batch, gradients))
    found = [[each.timed() for each in trained] for _ in range(warm_up + rounds)]
    return found[warm_up:]


def _columns(tables: Sequence[Any]) -> int:
    return sum(table.dim * len(table.features) for table in tables)
