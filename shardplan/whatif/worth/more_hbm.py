"""What one more GiB of HBM would save."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible, NoPlanFound
from shardplan.options.constraint import Constraint
from shardplan.plan.file.rounding import rounded
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.formulate import formulate
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.mixing.best_mix import best_seconds
from shardplan.solve.program.answer import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.solve.deadline import Deadline

GIB = 2**30
_NEGLIGIBLE = 1e-6
"""Of the objective: below this, what the linear solver leaves undone is taken for a saving."""
_WORTH_NAMING = 0.01
"""Of the bytes lent: a device that takes less is not named."""


@dataclass(frozen=True, slots=True)
class MoreHbm:
    """Seconds of the plan's objective that ``extra_bytes`` more of HBM would save.

    Every table stays where it is and in its kernel; the caches of all tables are sized again, at
    their best with the HBM that is there and with more.
    """

    extra_bytes: int
    on_every_device_seconds: float
    """Were every device so much larger."""
    once_seconds: float
    """Were there so much more in all, on the devices where it saves most."""
    once_ranks: tuple[int, ...]
    """These devices; none where nothing is saved."""
    cached_tables: int
    """How many tables have a cache in HBM, that could grow; without any nothing is saved."""


def more_hbm(
    case: Case,
    decisions: Sequence[Decision],
    extra_bytes: int = GIB,
    deadline: Deadline | None = None,
) -> MoreHbm | None:
    """Value more HBM for the plan that ``decisions``, in the order of tables, make of a case.

    Exact for the costs that the solver counts with, which are straight between the sizes of caches
    in ``options/load_factors.py``. None where the sizes of caches are not the planner's to choose:
    its cost model says nothing of them, or an edited plan does what the spec rules out; and where
    the ``deadline`` comes first.
    """
    cached = sum(decision.kernel.caches for decision in decisions)
    if not cached:
        return MoreHbm(extra_bytes, 0.0, 0.0, (), 0)
    try:
        decided = of_one_width(_as_decided(case, decisions), decisions)
        formulation = formulate(decided, deadline or ENDLESS)
    except (Infeasible, NoPlanFound):
        return None
    problem = formulation.problem
    placement, is_placed = formulation.placement(decisions)
    if not is_placed.all() or not problem.mixable[placement.option].any():
        return None
    limits = Limits(deadline) if deadline is not None else None
    as_is = best_seconds(problem, placement, limits=limits)
    larger = best_seconds(problem, placement, more_bytes=extra_bytes, limits=limits)
    once = best_seconds(problem, placement, lent_bytes=extra_bytes, limits=limits)
    if as_is is None or larger is None or once is None:
        return None
    least = _NEGLIGIBLE * as_is.objective
    everywhere, lent = as_is.objective - larger.objective, as_is.objective - once.objective
    taken = once.more_bytes.sum(axis=1) > _WORTH_NAMING * extra_bytes
    ranks = np.flatnonzero(taken) if lent > least else ()
    return MoreHbm(
        extra_bytes,
        rounded(everywhere) if everywhere > least else 0.0,
        rounded(lent) if lent > least else 0.0,
        tuple(int(rank) for rank in ranks),
        cached,
    )


def _as_decided(case: Case, decisions: Sequence[Decision]) -> Case:
    """The case with its tables' sharding types and kernels as constraints: nothing else is tried.

    What is asked for is offered even where the planner would not have offered it by itself.
    """
    tables = defaultdict(list)
    for decision in decisions:
        tables[decision.sharding, decision.kernel].append(decision.table)
    asked = (
        Constraint(tuple(alike), sharding=(sharding,), kernels=(kernel,))
        for (sharding, kernel), alike in tables.items()
    )
    return case.demanding(*asked)
