"""Whether a placement is one at all: an option of each item, all units placed, in their domains,
and apart where asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement, device_counts
from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray


def is_legal(problem: Problem, placement: Placement) -> bool:
    """Whether a placement obeys all of the problem but its capacities, which ``evaluate`` checks.

    The search steers through incomplete placements, and the baselines know no constraints.
    """
    option = placement.option
    if not np.array_equal(problem.item_of_option[option], np.arange(problem.item_count)):
        return False
    shape = problem.shape[option]
    wanted = np.where(shape == Shape.ALL, 0, problem.units[option])
    if not np.array_equal(wanted, np.diff(placement.unit_offsets)):
        return False
    return _inside_domains(problem, placement) and _apart(problem, placement)


def _inside_domains(problem: Problem, placement: Placement) -> bool:
    if problem.domains.all():
        return True
    domain = problem.domain[placement.option]
    shape = problem.shape[placement.option]
    unit_domain, unit_shape = (
        np.repeat(part, np.diff(placement.unit_offsets)) for part in (domain, shape)
    )
    whole = np.asarray(problem.domains.all(axis=1), dtype=bool)
    inside = [whole[domain[shape == Shape.ALL]]]
    for kind, open_ in ((Shape.DEVICE, problem.domains), (Shape.NODE, problem.node_domains)):
        units = unit_shape == kind
        inside.append(open_[unit_domain[units], placement.targets[units]])
    return all(bool(part.all()) for part in inside)


def _apart(problem: Problem, placement: Placement) -> bool:
    if not problem.apart:
        return True
    counts: NDArray[np.uint16] = device_counts(problem, placement)
    return all(bool((counts[items].sum(axis=0) <= 1).all()) for items in problem.apart)
