"""Balancing by repartition: places are paired off, and every pair splits what it holds anew.

In each round some units of a pair may change sides and some of its items may take another option;
of all combinations of these changes the pair makes the one that lowers the smooth objective most,
or, while the search is hot, one that is nearly as good. All combinations of all pairs are weighed
at once as arrays (``weigher``). Places are devices, and nodes where units land on whole nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.solve.search.repartition.changes import Moves, Pairs
from shardplan.solve.search.repartition.copies import Copies
from shardplan.solve.search.repartition.pair_objective import Weigher

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.incumbent import Incumbent


_COOLED_EXPONENTS = (5, 9)


@dataclass(frozen=True, slots=True)
class RepartitionParams:
    """How long, how hot and how wide to search."""

    copies: int = 1
    """Placements side by side."""
    rounds: int = 1000
    changes: int = 8
    """Changes of a pair that are combined: all ``2 ** changes`` combinations are weighed."""
    hottest: float = 3e-3
    """The first temperature, relative to an even share of the objective per device."""
    coldest: float = 1e-6
    """The last one."""
    log2_exponents: tuple[int, int] = (4, 9)
    """The exponent of the power mean rises from the first to the second as the search cools."""

    def cooled(self, rounds: int) -> RepartitionParams:
        """The search for a start that needs balancing alone."""
        return replace(
            self, rounds=rounds, hottest=2e-4, coldest=1e-6, log2_exponents=_COOLED_EXPONENTS
        )


def repartition(
    problem: Problem,
    start: Placement,
    allowed: NDArray[np.bool_],
    params: RepartitionParams,
    rng: np.random.Generator,
    *,
    scale_seconds: float,
    incumbent: Incumbent,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Search around ``start``; what is found goes to ``incumbent``.

    Items change to ``allowed`` (O,) options of their present shape. ``scale_seconds`` is the
    magnitude of the objective, which temperatures are relative to.
    """
    copies = Copies(problem, start, params.copies)
    moves = Moves(copies, allowed)
    levels = moves.levels()
    first, last = params.log2_exponents
    best = None
    for number in range(params.rounds if levels else 0):
        if should_stop():
            break
        progress = number / params.rounds
        heat = params.hottest * (params.coldest / params.hottest) ** progress
        weigher = Weigher(copies, first + round(progress * (last - first)))
        pairs = Pairs.draw(copies, levels[number % len(levels)], rng)
        changes = moves.draw(pairs, params.changes, rng)
        heat_seconds = heat * scale_seconds / problem.device_count
        moves.make(changes.only(weigher.choose(changes, pairs, heat_seconds, rng)), pairs)
        objectives = copies.objectives()
        copy = int(objectives.argmin())
        if objectives[copy] < incumbent.objective and copies.fits(copy):
            incumbent.objective = float(objectives[copy])
            best = copies.option[copy].copy(), copies.slot[copy].copy()
    if best is not None:
        incumbent.placement = copies.placement(*best)
