"""The inner loops of repartition: compiled where that pays, else over arrays."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from shardplan.solve.search.repartition import array_loops

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPILED = "shardplan.solve.search.repartition.compiled_loops"
_COMPILING_SECONDS = 6.0
"""Some times what compiling takes, the first time; with less left it does not
pay."""


class Loops(Protocol):
    """The functions of ``array_loops``, which say what they do."""

    def seconds_of_combinations(
        self,
        base: NDArray[np.float32],
        change: NDArray[np.float32],
        times: NDArray[np.float32],
        slope: NDArray[np.float32],
        largest: np.float32,
        squarings: int,
    ) -> NDArray[np.float32]:
        """Of all combinations of changes of pairs."""

    def add_units(
        self,
        sums: NDArray[np.float64],
        copy: NDArray[np.int64],
        place: NDArray[np.int64],
        width: int,
        count: NDArray[np.int64],
        option: NDArray[np.int64],
        per_unit: NDArray[np.float64],
    ) -> None:
        """To what devices bear."""

    def candidates(
        self,
        slot: NDArray[np.int64],
        is_active: NDArray[np.bool_],
        pair: NDArray[np.int64],
        alternatives: NDArray[np.int64],
        coin: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """For changes within pairs."""

    def first_of_pairs(
        self, pair: NDArray[np.int64], key: NDArray[np.float64], pairs: int, most: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """By their keys."""

    def sides_of_changes(
        self,
        slot: NDArray[np.int64],
        side: NDArray[np.int64],
        copy: NDArray[np.int64],
        row: NDArray[np.int64],
        at: NDArray[np.int64],
        first: NDArray[np.int64],
        units: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Before and after."""

    def put_into_slots(
        self,
        slot: NDArray[np.int64],
        places: NDArray[np.int64],
        copy: NDArray[np.int64],
        row: NDArray[np.int64],
        at: NDArray[np.int64],
        after: NDArray[np.int64],
        first: NDArray[np.int64],
        units: NDArray[np.int64],
    ) -> None:
        """What changes do."""

    def put_changes(
        self,
        total: NDArray[np.float64],
        pair: NDArray[np.int64],
        rank: NDArray[np.int64],
        old: NDArray[np.int64],
        new: NDArray[np.int64],
        before: NDArray[np.int64],
        after: NDArray[np.int64],
        per_unit: NDArray[np.float64],
    ) -> None:
        """What they add to each side."""


IN_ARRAYS = cast("Loops", array_loops)
"""Always there."""


def quickest_loops(seconds_left: float) -> Loops:
    """Those for a search that may take so long; which these are changes no bit of what it finds."""
    if _COMPILED not in sys.modules and seconds_left < _COMPILING_SECONDS:
        return IN_ARRAYS
    return compiled_loops() or IN_ARRAYS


@cache
def compiled_loops() -> Loops | None:
    """None where numba is not installed, or cannot compile."""
    if find_spec("numba") is None:
        return None
    try:
        numba = import_module("numba")
    except ImportError:  # It is for other versions of Python or NumPy.
        return None
    if numba.config.DISABLE_JIT:
        return None
    try:
        loops: Any = import_module(_COMPILED)
        _try_out(loops)
    except (numba.core.errors.NumbaError, RuntimeError, OSError):  # LLVM's; the disk is full.
        return None
    return cast("Loops", loops)


def _try_out(loops: Loops) -> None:
    """Compile them, or read what was compiled before."""
    one, at = np.ones((1, 1), dtype=np.float32), np.zeros(1, dtype=np.int64)
    load = np.ones((1, 2, 1, 1), dtype=np.float32)
    loops.seconds_of_combinations(load, load.reshape(1, 1, 2, 1), load, one, np.float32(1.0), 1)
    loops.add_units(np.ones((1, 1, 1)), at, at, 1, at, at, np.ones((1, 1)))
    slot, places, coin = np.zeros((1, 1, 1), np.int64), np.zeros((1, 2), np.int64), np.ones((1, 1))
    copy, row, which, pair = loops.candidates(slot, coin > 0, places, at, coin)
    kept, _ = loops.first_of_pairs(pair, coin[0], 1, 1)
    changes = copy[kept], row[kept], which[kept]
    before, after = loops.sides_of_changes(slot, places, *changes, at, at)
    loops.put_changes(np.ones((1, 1, 2, 1)), at, at, at, at, before, after, np.ones((1, 1)))
    loops.put_into_slots(slot, places, *changes, after, at, at)
