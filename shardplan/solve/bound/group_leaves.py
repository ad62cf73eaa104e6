"""All ways to pay for groups with a charge, as far as any of them may be better than what is known.

``whole_groups`` branches where the relaxation pays for a group in part. Bounds that ask what single
devices can hold need to know of every group whether it is paid for, for otherwise they would use
its options and pay next to nothing: here each group is paid for, or all of its options are closed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.bound.classes.item_classes import ItemClasses
    from shardplan.solve.program.answer import Limits


@dataclass(frozen=True, eq=False)
class _Node:
    """Some groups are paid for, and the options of some others are closed."""

    is_paid: NDArray[np.bool_]
    is_closed: NDArray[np.bool_]
    """(G,) each"""


def group_leaves(
    classes: ItemClasses, upper_bound: float, limits: Limits, most_programs: int
) -> list[ItemClasses]:
    """The classes by each way to pay that may be better than ``upper_bound`` seconds.

    What is paid is part of their objectives. After ``most_programs``, groups not yet decided on
    stay open and cost nothing.
    """
    charges = classes.each.objective.charges
    nothing = np.zeros(charges.count if charges else 0, dtype=bool)
    nodes, leaves = [_Node(nothing, nothing)], []
    for solved in range(most_programs):
        if not nodes:
            break
        node = nodes.pop()
        undecided = ~(node.is_paid | node.is_closed)
        found = _shares(classes, node, upper_bound, limits)
        if found is None:
            continue
        if not undecided.any() or limits.until.is_over or solved + 1 == most_programs:
            leaves.append(node)
            continue
        group = int(np.where(undecided, found, -1.0).argmax())
        chosen = np.arange(len(undecided)) == group
        nodes.append(_Node(node.is_paid | chosen, node.is_closed))
        nodes.append(_Node(node.is_paid, node.is_closed | chosen))
    made = [_leaf(classes, node) for node in (*leaves, *nodes)]
    return [leaf for leaf in made if leaf is not None]


def _open(classes: ItemClasses, node: _Node) -> NDArray[np.bool_]:
    charges = classes.each.objective.charges
    if charges is None:
        return np.ones(len(classes.options), dtype=bool)
    return charges.open_to(~node.is_closed)


def _leaf(classes: ItemClasses, node: _Node) -> ItemClasses | None:
    paying = replace(classes.each.objective.paying(node.is_paid), charges=None)
    return classes.only(_open(classes, node), paying)


def _shares(
    classes: ItemClasses, node: _Node, upper_bound: float, limits: Limits
) -> NDArray[np.float64] | None:
    """(G,): the largest share that any class has of a group in the relaxed optimum; None where that
    is not below ``upper_bound``."""
    charges = classes.each.objective.charges
    objective = classes.each.objective.paying(node.is_paid)
    program, columns = classes.relaxation(objective, _open(classes, node))
    answer = solve_program(program, limits)
    if answer.status is Status.INFEASIBLE:
        return None
    if answer.status is not Status.OPTIMAL or answer.x is None or charges is None:
        return np.zeros(len(node.is_paid))
    if answer.bound * classes.together.time_unit >= upper_bound:
        return None
    return charges.shares(answer.x[columns.y], classes.each.item_of_option)
