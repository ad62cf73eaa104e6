"""Who makes the rounds of repartition: compiled code where that pays, else arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from shardplan.solve.search.compiling.in_time import code_in_time
from shardplan.solve.search.repartition.pair_changes import Pairs
from shardplan.solve.search.repartition.pair_objective import PairObjective

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Shape
    from shardplan.solve.search.repartition.chance import Dice
    from shardplan.solve.search.repartition.copies import Copies
    from shardplan.solve.search.repartition.pair_changes import ChangeDraws

    Measure = Callable[[Copies], NDArray[np.float64]]
    RoundsOf = Callable[["RoundsTask"], "Rounds"]

_COMPILED = "shardplan.solve.search.repartition.compiled.player"
_FEWEST_ROUNDS = 100
"""For fewer it is not worth reading what was compiled before, ..."""
_LONG_ROUNDS = 1000
"""... nor is it, for fewer than these, worth compiling."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: on which places, and how hot."""

    shape: Shape
    log2_exponent: int
    heat_seconds: float
    dice: Dice
    """Of places of that shape."""


@dataclass(slots=True)
class Best:
    """The best that a search has come by: what is less than its ``value`` and fits."""

    value: float
    option: NDArray[np.int64] | None = None
    """(rows,); None: nothing is below the value."""
    slot: NDArray[np.int64] | None = None
    """(rows, slots)"""


@dataclass(frozen=True, slots=True)
class RoundsTask:
    """What rounds are made of."""

    copies: Copies
    draws: ChangeDraws
    """What may change."""
    most: int
    """Changes of a pair, at most, that are combined."""
    overflow_price: float
    """What a tier over by its whole capacity counts, in sums of the slowest devices' loads."""
    measure: Measure | None = None
    """(R,) of the copies, what is to be least; None: their objective."""


class Rounds(Protocol):
    """Makes the rounds of one search; who does changes no bit of what is found."""

    def play(self, rounds: Sequence[Round], best: Best, should_stop: Callable[[], bool]) -> None:
        """Let all pairs of places change what they choose to, round after round; ``best`` is told
        of what is better after any."""


class ArrayRounds:
    """All pairs at once, over arrays: always there, and what others are held against."""

    def __init__(self, task: RoundsTask) -> None:
        self._task = task

    def play(self, rounds: Sequence[Round], best: Best, should_stop: Callable[[], bool]) -> None:
        """See ``Rounds``."""
        task, copies = self._task, self._task.copies
        for each in rounds:
            if should_stop():
                return
            objective = PairObjective(copies, each.log2_exponent, task.overflow_price)
            pairs = Pairs.of(each.shape, each.dice)
            changes = task.draws.draw(pairs, task.most, each.dice)
            chosen = objective.choose(changes, pairs, each.heat_seconds, each.dice)
            task.draws.make(changes.only(chosen), pairs)
            values = task.measure(copies) if task.measure else copies.objectives()
            copy = int(values.argmin())
            if values[copy] < best.value and copies.fits(copy):
                best.value = float(values[copy])
                best.option, best.slot = copies.option[copy].copy(), copies.slot[copy].copy()


def quickest_rounds(count: int, seconds_left: float) -> RoundsOf:
    """Those for a search of so many rounds that may take so long."""
    if count < _FEWEST_ROUNDS:
        return ArrayRounds
    code = code_in_time(_COMPILED, seconds_left, is_long=count >= _LONG_ROUNDS)
    return ArrayRounds if code is None else cast("RoundsOf", code.CompiledRounds)
