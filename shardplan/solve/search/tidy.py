"""Among placements that are as good: the one nearer to the devices, and with less of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.search.desk import ROUNDING, Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.solve.deadline import Deadline
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.desk import LessLoads, Traits


def tidied(
    problem: Problem,
    placement: Placement,
    traits: Traits,
    less: LessLoads | None = None,
    deadline: Deadline | None = None,
) -> Placement:
    """A placement that costs no more: ties go to the nearer tier of memory, then to fewer kernels,
    fewer sharding types and fewer shards.

    No stage's slowest device becomes slower, and no group of options is used that was not, so that
    neither the objective rises nor do bounds lose what they say. Items are taken in order, the
    smallest first. ``less`` knows what devices are charged too much for uneven options; without it
    these stay as they are. Changes end with the ``deadline``, and in any case after a number of
    them that does not depend on the machine.
    """
    before = evaluate(problem, placement)
    if not before.fits or not is_legal(problem, placement):
        return placement
    desk = Desk.of(problem, placement, traits, less, deadline)
    for item in desk.by_size():
        if desk.is_over:
            break
        desk.bring_nearer(item)
    for labels, holds in ((traits.kernels, np.bitwise_and), (traits.sharding, np.equal)):
        _drop_rare(desk, labels, holds)
    is_used = np.isin(traits.kernels, traits.kernels[desk.option])
    is_used &= np.isin(traits.sharding, traits.sharding[desk.option])
    for item in desk.by_size():
        if desk.is_over:
            break
        desk.join_shards(item, is_used)
    found = desk.placement()
    after = evaluate(problem, found)
    is_sound = after.fits and is_legal(problem, found)
    return found if is_sound and after.objective <= before.objective * (1 + ROUNDING) else placement


def _drop_rare(
    desk: Desk, labels: NDArray[np.int64], holds: Callable[..., NDArray[np.generic]]
) -> None:
    """Do without what only few items use, the rarest first, where all of them can do without."""
    if desk.is_over:
        return
    used = labels[desk.option]
    every = np.unique(used) if holds is np.equal else 1 << np.arange(62)
    counts = [(int(holds(used, label).astype(bool).sum()), int(label)) for label in every]
    for _, label in sorted(each for each in counts if each[0])[:-1]:
        there = np.unique(labels[desk.option])
        others = ~holds(labels, label).astype(bool)
        others &= np.isin(labels, there)
        trial = desk.copied()
        items = np.flatnonzero(holds(labels[desk.option], label).astype(bool)).tolist()
        if items and all(trial.change(item, others) for item in items):
            desk.take_over(trial)
