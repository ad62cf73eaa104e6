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

from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.repartition.chance import Dice
from shardplan.solve.search.repartition.copies import Copies
from shardplan.solve.search.repartition.pair_changes import ChangeDraws
from shardplan.solve.search.repartition.rounds import ArrayRounds, Best, Round, RoundsTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.fares import Fares
    from shardplan.solve.search.incumbent import Incumbent
    from shardplan.solve.search.repartition.rounds import RoundsOf

_TELLING_ROUNDS = 100
"""After how many rounds what is better is told."""
_AT_ONCE = 20
"""Rounds that are made between two looks at the clock, where they are compiled."""


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
    measure: Callable[[Copies], NDArray[np.float64]] | None = None,
    rounds: RoundsOf = ArrayRounds,
) -> None:
    """Search around ``start``; what is found goes to ``incumbent``.

    ``on_better`` is told every few rounds of what is better than before.

    Items change to ``allowed`` (O,) options of their present shape. ``scale_seconds`` is the
    magnitude of the objective, which temperatures are relative to. ``fares`` are paid beside the
    objective, and ``measure`` (R,) of the copies is what is to be least, infinite where a copy is
    not good enough; None: the objective. ``rounds`` that are compiled change nothing but the time,
    and know neither fares nor other measures.
    """
    copies = Copies(problem, start, params.copies, fares)
    draws = ChangeDraws(copies, allowed)
    made_by = rounds if fares is None and measure is None else ArrayRounds
    player = made_by(RoundsTask(copies, draws, params.changes, params.overflow_price, measure))
    best, told = Best(incumbent.objective), incumbent.objective
    for first, some in _schedule(copies, draws.levels(), params, scale_seconds, rng):
        if should_stop():
            break
        player.play(some, best, should_stop)
        incumbent.objective = best.value
        if best.value < told and (first + len(some)) % _TELLING_ROUNDS == 0:
            incumbent.placement, told = _placement(copies, best), best.value
            on_better()
    if best.option is not None:
        incumbent.placement = _placement(copies, best)


def _schedule(
    copies: Copies,
    levels: list[Shape],
    params: RepartitionParams,
    scale_seconds: float,
    rng: np.random.Generator,
) -> Iterator[tuple[int, list[Round]]]:
    """All rounds, in batches; of each, how many have been before it."""
    problem = copies.problem
    places = {Shape.DEVICE: problem.device_count, Shape.NODE: problem.node_count}
    low, high = params.log2_exponents
    for first in range(0, params.rounds if levels else 0, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, params.rounds))
        dice = {
            level: iter(Dice.thrown(len(numbers), copies.count, places[level], rng))
            for level in levels
        }
        some = []
        for number in numbers:
            progress, level = number / params.rounds, levels[number % len(levels)]
            heat = params.hottest * (params.coldest / params.hottest) ** progress
            exponent = low + round(progress * (high - low))
            heat_seconds = heat * scale_seconds / problem.device_count
            some.append(Round(level, exponent, heat_seconds, next(dice[level])))
        yield first, some


def _placement(copies: Copies, best: Best) -> Placement | None:
    if best.option is None or best.slot is None:
        return None
    return copies.placement(best.option, best.slot)
