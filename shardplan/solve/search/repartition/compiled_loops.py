"""What numba compiles of ``array_loops``, to the same bits.

Where LLVM makes vectors of a loop, each lane does what one turn would: nothing is added in another
order, and nothing is fused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Kept in a folder beside this file, or the user's own; in none, if neither can be written."""
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return njit(nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


@_compiled
def seconds_of_combinations(
    base: NDArray[np.float32],
    change: NDArray[np.float32],
    times: NDArray[np.float32],
    slope: NDArray[np.float32],
    largest: np.float32,
    squarings: int,
) -> NDArray[np.float32]:
    """See ``array_loops``."""
    pairs, most, sides, stages = change.shape
    width, none = base.shape[2], np.float32(0.0)
    count = 1 << most
    found = np.empty((pairs, count), np.float32)
    load, power = np.empty(count, np.float32), np.empty(count, np.float32)
    total = np.empty(count, np.float32)
    for pair in range(pairs):
        of_pair = found[pair]
        for stage in range(stages):
            for side in range(sides):
                for place in range(width):
                    load[0] = base[pair, side, place, stage]
                    half = 1
                    for number in range(most):
                        more = change[pair, number, side, stage]
                        without, with_ = load[:half], load[half : 2 * half]
                        for at in range(half):
                            with_[at] = without[at] + more
                        half *= 2
                    for at in range(count):
                        power[at] = min(max(load[at], none), largest)
                    for _ in range(squarings):
                        for at in range(count):
                            power[at] = power[at] * power[at]
                    if times.size > 0:
                        often = times[pair, side, place, stage]
                        for at in range(count):
                            power[at] = power[at] * often
                    if side == 0 and place == 0:
                        for at in range(count):
                            total[at] = power[at]
                    else:
                        for at in range(count):
                            total[at] = total[at] + power[at]
            weight = slope[pair, stage]
            if stage == 0:
                for at in range(count):
                    of_pair[at] = total[at] * weight
            else:
                for at in range(count):
                    of_pair[at] = of_pair[at] + total[at] * weight
    return found


@_compiled
def add_units(
    sums: NDArray[np.float64],
    copy: NDArray[np.int64],
    place: NDArray[np.int64],
    width: int,
    count: NDArray[np.int64],
    option: NDArray[np.int64],
    per_unit: NDArray[np.float64],
) -> None:
    """See ``array_loops``."""
    for number in range(copy.size):
        of_copy, of_option = sums[copy[number]], per_unit[option[number]]
        often, first = float(count[number]), place[number] * width
        for device in range(first, first + width):
            for kind in range(of_option.size):
                of_copy[device, kind] += often * of_option[kind]
