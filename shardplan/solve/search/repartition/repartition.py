"""Balancing by repartition: places are paired off, and every pair splits again what it holds.

In each round some units of a pair may change sides and some of its items may take another option;
of all combinations of these changes the pair makes the one that lowers the smooth objective most,
or, while the search is hot, one that is nearly as good. All combinations of all pairs are weighed
at once as arrays (``PairObjective``). Places are devices, and nodes where units land on
whole nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.solve.search.repartition.copies import Copies
from shardplan.solve.search.repartition.loops import IN_ARRAYS, Loops
from shardplan.solve.search.repartition.pair_changes import ChangeDraws, Pairs
from shardplan.solve.search.repartition.pair_objective import PairObjective

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.fares import Fares
    from shardplan.solve.search.incumbent import Incumbent

_TELLING_ROUNDS = 100
"""After how many rounds what is better is told."""


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
    cool_hottest: float = 2e-4
    cool_coldest: float = 1e-6
    cool_log2_exponents: tuple[int, int] = (5, 9)
    """The same for a start that needs balancing alone."""
    overflow_price: float = 8.0
    """What a tier over by its whole capacity counts, in sums of the slowest devices' loads."""

    def cooled(self, rounds: int) -> RepartitionParams:
        """The search for a start that needs balancing alone."""
        return replace(
            self,
            rounds=rounds,
            hottest=self.cool_hottest,
            coldest=self.cool_coldest,
            log2_exponents=self.cool_log2_exponents,
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
    on_better: Callable[[], None] = lambda: None,
    fares: Fares | None = None,
    measure: Callable[[Copies], NDArray[np.float64]] = Copies.objectives,
    loops: Loops = IN_ARRAYS,
) -> None:
    """Search around ``start``; what is found goes to ``incumbent``.

    ``on_better`` is told every few rounds of what is better than before.

    Items change to ``allowed`` (O,) options of their present shape. ``scale_seconds`` is the
    magnitude of the objective, which temperatures are relative to. ``fares`` are paid beside the
    objective, and ``measure`` (R,) of the copies is what is to be least, infinite where a copy is
    not good enough. ``loops`` change nothing but the time.
    """
    copies = Copies(problem, start, params.copies, fares, loops)
    draws = ChangeDraws(copies, allowed)
    levels = draws.levels()
    first, last = params.log2_exponents
    best, is_told = None, True
    for number in range(params.rounds if levels else 0):
        if should_stop():
            break
        progress = number / params.rounds
        heat = params.hottest * (params.coldest / params.hottest) ** progress
        exponent = first + round(progress * (last - first))
        objective = PairObjective(copies, exponent, params.overflow_price)
        pairs = Pairs.draw(copies, levels[number % len(levels)], rng)
        changes = draws.draw(pairs, params.changes, rng)
        heat_seconds = heat * scale_seconds / problem.device_count
        draws.make(changes.only(objective.choose(changes, pairs, heat_seconds, rng)), pairs)
        objectives = measure(copies)
        copy = int(objectives.argmin())
        if objectives[copy] < incumbent.objective and copies.fits(copy):
            incumbent.objective = float(objectives[copy])
            best, is_told = (copies.option[copy].copy(), copies.slot[copy].copy()), False
        if best is not None and not is_told and number % _TELLING_ROUNDS == _TELLING_ROUNDS - 1:
            incumbent.placement, is_told = copies.placement(*best), True
            on_better()
    if best is not None:
        incumbent.placement = copies.placement(*best)
