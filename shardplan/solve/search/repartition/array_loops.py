"""The inner loops of repartition over arrays: what ``compiled_loops`` does one number at a time.

Both add and multiply the same numbers in the same order, and so come to the same bits: which of the
two serves changes nothing but the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def combined(base: NDArray[np.float32], change: NDArray[np.float32]) -> NDArray[np.float32]:
    """(G, 2 ** K, 2, width, n): ``base`` (G, 2, width, n) with every combination of the changes
    (G, K, 2, n); the bits of a combination's number tell which."""
    pairs, most, sides, kinds = change.shape
    total = np.empty((pairs, 1 << most, sides, base.shape[2], kinds), dtype=np.float32)
    total[:, 0] = base
    for number in range(most):
        half = 1 << number
        more = change[:, number, :, None][:, None]
        np.add(total[:, :half], more, out=total[:, half : 2 * half])
    return total


def seconds_of_combinations(
    base: NDArray[np.float32],
    change: NDArray[np.float32],
    times: NDArray[np.float32],
    slope: NDArray[np.float32],
    largest: np.float32,
    squarings: int,
) -> NDArray[np.float32]:
    """(G, 2 ** K): the sum over stages of ``slope`` (G, S) times what the loads of a pair's places
    add to a stage's sum of powers.

    Loads are those of ``combined``, at most ``largest``, and raised by so many squarings; each
    counts ``times`` (G, 2, width, S), once where that is empty.
    """
    load = combined(base, change)
    np.clip(load, np.float32(0.0), largest, out=load)
    for _ in range(squarings):
        np.multiply(load, load, out=load)
    if times.size:
        load *= times[:, None]
    pairs, count, sides, width, stages = load.shape
    by_place = load.reshape(pairs, count, sides * width, stages)
    total = by_place[:, :, 0].copy()
    for place in range(1, sides * width):
        total += by_place[:, :, place]
    found = total[:, :, 0] * slope[:, None, 0]
    for stage in range(1, stages):
        found += total[:, :, stage] * slope[:, None, stage]
    return found


def add_units(
    sums: NDArray[np.float64],
    copy: NDArray[np.int64],
    place: NDArray[np.int64],
    width: int,
    count: NDArray[np.int64],
    option: NDArray[np.int64],
    per_unit: NDArray[np.float64],
) -> None:
    """Add ``count`` units of each (n,) option to the devices of a place of a copy.

    ``sums`` are (R, D, kinds), ``per_unit`` (O, kinds), and place ``p`` is the ``width`` devices
    from ``p * width`` on.
    """
    devices = place[:, None] * width + np.arange(width)
    change = count[:, None] * per_unit[option]
    np.add.at(sums, (copy[:, None], devices), change[:, None])
