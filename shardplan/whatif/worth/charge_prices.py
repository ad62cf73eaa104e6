"""What a group of tables that is charged for once costs a plan, and what it saves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible, NoPlanFound
from shardplan.plan.file.rounding import rounded
from shardplan.plan.ledger import Ledger
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.formulate import formulate
from shardplan.solve.deadline import Deadline
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.variants import take
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem

_ROUNDING = 1e-6
"""Relative: what the linear solver leaves undone."""
_SECONDS = 20.0
"""How long all groups together may take where the caller does not say."""
_EFFORT = 0.01
"""Of a solve without a group: more makes its plan little better, and whoever explains one waits."""


@dataclass(frozen=True, slots=True)
class ChargePrice:
    """A group that a plan pays for, beside plans that do not use it."""

    group: str
    """Such as a sharding type."""
    costs_seconds: float
    """By how much the objective would fall if the group were free."""
    saves_seconds: float
    """By how much it would rise at least, without the group and its charge; 0 where that is not
    proven."""
    least_without_seconds: float | None
    """What no plan without it can beat; None where there is no such plan."""
    without_seconds: float | None
    """The objective of the best plan without it that a short search found; None without one."""
    is_needed: bool
    """No plan can do without it, by what tables may be."""

    @property
    def is_worth_it(self) -> bool:
        """Whether it is proven that no plan without the group is better."""
        return self.is_needed or self.saves_seconds >= self.costs_seconds * (1 - _ROUNDING)


def charge_prices(
    case: Case, decisions: Sequence[Decision], deadline: Deadline | None = None
) -> tuple[ChargePrice, ...]:
    """Of every group that a plan uses, given by its ``decisions`` in the order of tables.

    Nothing where nothing is charged for, where an edited plan does what the spec rules out, and of
    the groups for which the ``deadline`` leaves no time.
    """
    if not Ledger.of(decisions, case.cost_model, case.topology.world).charges.names:
        return ()
    until = (deadline or Deadline.after(_SECONDS)).within(_SECONDS)
    try:
        formulation = formulate(of_one_width(case, decisions), until)
    except (Infeasible, NoPlanFound):
        return ()
    problem = formulation.problem
    placement, is_placed = formulation.placement(decisions)
    charges = problem.objective.charges
    if charges is None or not is_placed.all():
        return ()
    found = []
    for group in np.flatnonzero(charges.uses(placement.option) > 0).tolist():
        if until.is_over:
            break
        name = formulation.charge_names[group]
        found.append(_price(problem, placement, group, name, until))
    return tuple(found)


def _price(
    problem: Problem, placement: Placement, group: int, name: str, until: Deadline
) -> ChargePrice:
    load = evaluate(problem, placement).load_seconds
    uses = problem.objective.uses(placement.option)
    others = np.where(np.arange(len(uses)) == group, 0, uses)
    reached = float(problem.objective.seconds(load, uses))
    costs = reached - float(problem.objective.seconds(load, others))
    outcome = _without(problem, group, until)
    if outcome is None or outcome.lower_bound == float("inf"):
        return ChargePrice(name, rounded(costs), 0.0, None, None, is_needed=True)
    saves = max(outcome.lower_bound - (reached - costs), 0.0)
    other = rounded(outcome.objective) if outcome.placement is not None else None
    least = rounded(outcome.lower_bound)
    return ChargePrice(name, rounded(costs), rounded(saves), least, other, is_needed=False)


def _without(problem: Problem, group: int, until: Deadline) -> Outcome | None:
    """A short solve with all other options; None where an item has none of these."""
    charges = problem.objective.charges
    assert charges is not None
    others = ~charges.of_option[:, group]
    if len(np.unique(problem.item_of_option[others])) < problem.item_count:
        return None
    return solve(take(problem, others), Settings("greedy", effort=_EFFORT).until(until))
