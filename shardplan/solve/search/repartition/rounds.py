"""Who makes the rounds of repartition: compiled code where that pays, else arrays."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

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

_COMPILED = "shardplan.solve.search.repartition.compiled.player"
_FEWEST_ROUNDS = 100
"""For fewer it is not worth reading what was compiled before, ..."""
_LOADING_SECONDS = 1.0
"""... nor when less time is left: some times what it takes."""
_LONG_ROUNDS = 1000
_COMPILING_SECONDS = 30.0
"""The same for compiling, which takes some 8 s, the first time on a machine."""


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


class Rounds(Protocol):
    """Makes the rounds of one search; who does changes no bit of what is found."""

    def play(self, rounds: Sequence[Round], best: Best, should_stop: Callable[[], bool]) -> None:
        """Let all pairs of places change what they choose to, round after round; ``best`` is told
        of what is better after any."""


class RoundsOf(Protocol):
    """Makes such."""

    def __call__(
        self,
        copies: Copies,
        draws: ChangeDraws,
        most: int,
        overflow_price: float,
        measure: Measure | None,
    ) -> Rounds:
        """Of copies, in which at most so many changes of a pair are combined.

        ``measure`` (R,) of the copies is what is to be least, their objective where it is None.
        """


class ArrayRounds:
    """All pairs at once, over arrays: always there, and what others are held against."""

    def __init__(
        self,
        copies: Copies,
        draws: ChangeDraws,
        most: int,
        overflow_price: float,
        measure: Measure | None,
    ) -> None:
        self._copies, self._draws, self._most = copies, draws, most
        self._overflow_price, self._measure = overflow_price, measure

    def play(self, rounds: Sequence[Round], best: Best, should_stop: Callable[[], bool]) -> None:
        """See ``Rounds``."""
        copies = self._copies
        for each in rounds:
            if should_stop():
                return
            objective = PairObjective(copies, each.log2_exponent, self._overflow_price)
            pairs = Pairs.of(each.shape, each.dice)
            changes = self._draws.draw(pairs, self._most, each.dice)
            chosen = objective.choose(changes, pairs, each.heat_seconds, each.dice)
            self._draws.make(changes.only(chosen), pairs)
            values = self._measure(copies) if self._measure else copies.objectives()
            copy = int(values.argmin())
            if values[copy] < best.value and copies.fits(copy):
                best.value = float(values[copy])
                best.option, best.slot = copies.option[copy].copy(), copies.slot[copy].copy()


def quickest_rounds(count: int, seconds_left: float) -> RoundsOf:
    """Those for a search of so many rounds that may take so long."""
    if count < _FEWEST_ROUNDS:
        return ArrayRounds
    if _COMPILED not in sys.modules and seconds_left < _LOADING_SECONDS:
        return ArrayRounds
    compiled = compiled_code()
    if compiled is None:
        return ArrayRounds
    is_long = count >= _LONG_ROUNDS and seconds_left >= _COMPILING_SECONDS
    if not (compiled.is_compiled() or is_long):
        return ArrayRounds
    return compiled_rounds() or ArrayRounds


@cache
def compiled_rounds() -> RoundsOf | None:
    """Compiled now, unless they have been before; None where numba cannot."""
    compiled = compiled_code()
    if compiled is None:
        return None
    try:
        compiled.try_out()
    except (compiled.NumbaError, RuntimeError, OSError):  # LLVM's; the disk is full.
        return None
    return cast("RoundsOf", compiled.CompiledRounds)


@cache
def compiled_code() -> Any:
    """The module, of which nothing is compiled yet; None where numba is not installed or idle."""
    if find_spec("numba") is None:
        return None
    try:
        if import_module("numba").config.DISABLE_JIT:
            return None
        return import_module(_COMPILED)
    except (ImportError, RuntimeError, OSError):  # It is for other versions of Python or NumPy.
        return None
