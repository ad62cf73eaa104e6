"""What new statistics of tables do to a plan that was made under old ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, ShardplanError
from shardplan.planning.formulate import formulate
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.program.answer import Limits
from shardplan.whatif.old_plan import cost_under
from shardplan.workload.access import Cdf, Uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.deadline import Deadline
    from shardplan.spec.tables.table_spec import TableSpec
    from shardplan.whatif.breach import Breach
    from shardplan.workload.access import Pattern

SLOWER = 0.03
"""Of the step: a plan that takes so much longer than it was predicted to is worth another."""
FARTHER = 0.05
"""Above the new lower bound: so far from the best that another plan may pay."""
_ROOM = 0.01
"""Above the lower bound: a plan that is nearer is as good as any, however slow."""


@dataclass(frozen=True, slots=True)
class PlanEffect:
    """A plan under the statistics that it was made for, and under others."""

    old_step_seconds: float
    step_seconds: float | None
    """Under the new ones; None where the plan has no place for some table."""
    old_above_bound: float | None
    """How far its step was above the linear relaxation's bound, as a share; None where there was
    none in time."""
    above_bound: float | None
    """The same under the new statistics, with their bound."""
    breaches: tuple[Breach, ...] = ()
    """Memories that it overflows now."""
    lost: tuple[str, ...] = ()
    """Tables that can no more be cut as they were."""
    has_no_plan: bool = False
    """Whether it is proven that under the new statistics there is no plan at all."""

    @property
    def slower_by(self) -> float | None:
        """Share by which the step is longer; below 0, shorter."""
        if self.step_seconds is None:
            return None
        return self.step_seconds / self.old_step_seconds - 1

    @property
    def is_slower(self) -> bool:
        """Whether the step is more than 3% longer, and the bound leaves room to mend it."""
        has_room = self.above_bound is None or self.above_bound > _ROOM
        return self.slower_by is not None and self.slower_by > SLOWER and has_room

    @property
    def is_farther(self) -> bool:
        """Whether it is more than 5% above the new bound, and was nearer to the old one by 3%.

        What a plan was away from the bound when it was made, it did not lose by drift.
        """
        if self.above_bound is None:
            return False
        before = 0.0 if self.old_above_bound is None else self.old_above_bound
        return self.above_bound > FARTHER and self.above_bound - before > SLOWER

    @property
    def overflows(self) -> bool:
        """Whether the plan cannot run as it is: for want of memory, or of a place for a table."""
        return bool(self.breaches or self.lost)

    @property
    def advises_replan(self) -> bool:
        """Whether another plan would pay: else, whatever has moved changes nothing."""
        return self.is_slower or self.is_farther or self.overflows


def plan_effect(
    plan: Plan, then: Case, tables: Sequence[TableSpec], deadline: Deadline
) -> PlanEffect:
    """The plan made for ``then``, under new statistics of tables.

    ``tables`` go by name, and by module where they say one; those that the case lacks are left
    out. Of each its access, order of ids, pooling, cap and padding take the place of the old ones,
    where it says them; rows only where there are more. Bounds are those of the linear relaxation,
    old and new alike, of the step or of what else the spec minimises.
    """
    now = under(then, tables)
    cost = cost_under(plan, then, now)
    before = cost_under(plan, then, then)
    old_bound, _ = _bound(then, deadline)
    bound, has_no_plan = _bound(now, deadline)
    is_step = then.objective == "step_time"
    return PlanEffect(
        cost.old_step_seconds,
        None if cost.lost else cost.step_seconds,
        _above(before.step_seconds, old_bound) if is_step else None,
        _above(cost.step_seconds, bound) if is_step and not cost.lost else None,
        cost.breaches,
        cost.lost,
        has_no_plan,
    )


def under(case: Case, tables: Sequence[TableSpec]) -> Case:
    """The case with new statistics in place of those of tables of the same names."""
    news = {(each.module, each.name): each for each in tables}
    defaults = case.spec.defaults
    changed = tuple(
        _with_statistics(table, found)
        if (
            found := news.get((table.module_in(defaults), table.name), news.get((None, table.name)))
        )
        else table
        for table in case.spec.tables
    )
    return case.with_(tables=changed)


def _with_statistics(table: TableSpec, found: TableSpec) -> TableSpec:
    said = {key: getattr(found, key) for key in ("access", "ids", "pooling", "cap", "padding")}
    update = {key: value for key, value in said.items() if value is not None}
    rows = max(table.rows, found.rows)
    if found.access is not None:
        update["access"] = _over(found.access, found.rows, rows)
    return table.model_copy(update=update | {"rows": rows})


def _over(access: Pattern, rows: int, more: int) -> Pattern:
    """The same accesses of a table with more rows, which nobody reads; of curves alone."""
    if more == rows or not isinstance(access, Cdf | Uniform):
        return access
    points = access.points if isinstance(access, Cdf) else ((1.0, 1.0),)
    return Cdf((*((across * rows / more, up) for across, up in points), (1.0, 1.0)))


def _bound(case: Case, deadline: Deadline) -> tuple[float | None, bool]:
    """Seconds that no plan of the case can beat, and whether it has none at all."""
    try:
        found = relax(formulate(case, deadline).problem, limits=Limits(deadline)).lower_bound
    except Infeasible:
        return None, True
    except ShardplanError:
        return None, False
    if found == float("inf"):
        return None, True
    return (found if found > 0 else None), False


def _above(step_seconds: float | None, bound: float | None) -> float | None:
    return None if step_seconds is None or bound is None else step_seconds / bound - 1
