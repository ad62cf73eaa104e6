"""The relaxation with whole groups: each is paid for, or all of its options are closed.

In the linear relaxation a share of a group pays a share of its charge. Branch and bound tells the
two ways out of that apart, best first: a *branch* pays for some groups whatever is chosen, closes
the options of others, and leaves the rest to the linear program. It ends as soon as the best branch
pays for no group in part; the least bound of all branches holds for every placement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.solve.bound.relaxation import RELAXATION_ROUNDS, Relaxation, relax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.solve.bound.move_limit import MoveLimit
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Limits

MOST_BRANCHES = 40
"""Linear programs; whatever branches there are then, their least bound is valid."""
_WHOLE = 1e-6
"""A share of a group that differs less from nothing, or from all, is taken for that."""


@dataclass(frozen=True, eq=False)
class Branch:
    """The placements that use no closed group, and what they cost at least."""

    is_paid: NDArray[np.bool_]
    """(G,): groups that are paid for, used or not."""
    is_closed: NDArray[np.bool_]
    """(G,)"""
    relaxation: Relaxation
    lower_bound: float
    """Seconds, when all of ``is_paid`` is paid for."""

    @classmethod
    def root(cls, problem: Problem, relaxation: Relaxation) -> Self:
        """All placements."""
        charges = problem.objective.charges
        none = np.zeros(charges.count if charges else 0, dtype=bool)
        return cls(none, none, relaxation, relaxation.lower_bound)

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """(O,): options of no closed group."""
        charges = problem.objective.charges
        if charges is None:
            return np.ones(problem.option_count, dtype=bool)
        return charges.open_to(~self.is_closed)

    def with_known_charges(self, problem: Problem) -> Problem:
        """The problem where its groups are paid for, and those that it leaves open cost nothing."""
        paying = problem.objective.paying(self.is_paid)
        return replace(problem, objective=replace(paying, charges=None))

    def halved_group(self, problem: Problem) -> int | None:
        """The group that is paid for in part, of the most seconds; None where there is none."""
        charges = problem.objective.charges
        if charges is None:
            return None
        share = charges.shares(self.relaxation.share, problem.item_of_option)
        distance = np.minimum(share, 1.0 - share)
        distance[self.is_paid | self.is_closed] = 0.0
        if not (distance > _WHOLE).any():
            return None
        return int((distance * charges.seconds.sum(axis=1)).argmax())


@dataclass(frozen=True, eq=False)
class WholeGroups:
    """The relaxation of all branches together, and the branches, the best first."""

    relaxation: Relaxation
    branches: tuple[Branch, ...]


def relax_whole_groups(
    problem: Problem,
    limits: Limits | None = None,
    moves: MoveLimit | None = None,
    rounds: int = RELAXATION_ROUNDS,
    most_branches: int = MOST_BRANCHES,
) -> WholeGroups:
    """Solve the relaxation, and branch on groups that its optimum pays for in part.

    Where nothing is charged for, it is the relaxation and a single branch.
    """
    found = relax(problem, limits=limits, moves=moves, rounds=rounds)
    root = Branch.root(problem, found)
    branches, solved = [root], 1
    while branches and solved < most_branches:
        if limits is not None and limits.until.is_over:
            break
        best = min(range(len(branches)), key=lambda at: branches[at].lower_bound)
        group = branches[best].halved_group(problem)
        if group is None or branches[best].lower_bound == float("inf"):
            break
        parent = branches.pop(best)
        for is_paid in (True, False):
            child = _child(problem, parent, group, is_paid, limits, moves, rounds)
            solved += 1
            if child.lower_bound < float("inf"):
                branches.append(child)
    if not branches:
        return WholeGroups(Relaxation.without_bound(problem, float("inf")), ())
    branches.sort(key=lambda branch: branch.lower_bound)
    return WholeGroups(_together(problem, branches), tuple(branches))


def _child(
    problem: Problem,
    parent: Branch,
    group: int,
    is_paid: bool,
    limits: Limits | None,
    moves: MoveLimit | None,
    rounds: int,
) -> Branch:
    """The branch in which one more group is paid for, or closed."""
    chosen = np.arange(len(parent.is_paid)) == group
    paid, closed = parent.is_paid | (chosen & is_paid), parent.is_closed | (chosen & (not is_paid))
    branch = Branch(paid, closed, parent.relaxation, parent.lower_bound)
    paying = replace(problem, objective=problem.objective.paying(paid))
    found = relax(
        paying,
        branch.allowed(problem),
        limits,
        moves,
        rounds,
        unit_rows=parent.relaxation.unit_rows,
    )
    return Branch(paid, closed, found, max(parent.lower_bound, found.lower_bound))


def _together(problem: Problem, branches: Sequence[Branch]) -> Relaxation:
    """What the best branch is made of; an option costs what it costs in the branch where it costs
    least."""
    first = branches[0]
    if len(branches) == 1:
        return first.relaxation
    least = np.full(problem.option_count, np.inf)
    for branch in branches:
        # What holds for all of a branch is known of it beside its own optimum.
        own = branch.relaxation.lower_bound + branch.relaxation.reduced_cost
        cost = np.maximum(own, branch.lower_bound)
        least = np.minimum(least, np.where(branch.allowed(problem), cost, np.inf))
    return replace(
        first.relaxation,
        lower_bound=first.lower_bound,
        reduced_cost=np.maximum(least - first.lower_bound, 0.0),
    )
