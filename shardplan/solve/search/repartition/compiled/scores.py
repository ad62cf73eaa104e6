"""Numbers of all combinations of the changes of one pair, compiled by numba.

They have the bits of ``array_loops``: where LLVM makes vectors of a loop, each lane does what one
turn would; nothing is added in another order, and nothing is fused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.search.compiling.jit import inlined, inner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_AT_ONCE = 4
"""Squarings between which a number stays where it is."""


@inner
def combine(load: Floats, base: np.float32, change: Floats) -> None:
    """Put into ``load`` (2 ** n,) ``base`` with every combination of the changes (n,)."""
    load[0], half = base, 1
    for number in range(change.size):
        without, with_, more = load[:half], load[half : 2 * half], change[number]
        for at in range(half):
            with_[at] = without[at] + more
        half *= 2


@inlined
def _raise(power: Floats, squarings: int) -> None:
    left = squarings
    while left >= _AT_ONCE:
        for at in range(power.size):
            once = power[at] * power[at]
            twice = once * once
            thrice = twice * twice
            power[at] = thrice * thrice
        left -= _AT_ONCE
    for _ in range(left):
        for at in range(power.size):
            power[at] = power[at] * power[at]


@inner
def put_seconds(
    found: Floats,
    spare: Floats,
    base: Floats,
    change: Floats,
    times: Floats,
    slope: Floats,
    largest: np.float32,
    squarings: int,
) -> None:
    """Put into ``found`` (2 ** n,) what ``seconds_of_combinations`` says of one pair.

    ``base`` is (2, width, S), ``change`` (n, 2, S), ``times`` as ``base`` or empty; ``spare`` (3,
    at least 2 ** n) is written to.
    """
    sides, width, stages = base.shape
    count, none = found.size, np.float32(0.0)
    load, power, total = spare[0, :count], spare[1, :count], spare[2, :count]
    for stage in range(stages):
        for side in range(sides):
            for place in range(width):
                combine(load, base[side, place, stage], change[:, side, stage])
                for at in range(count):
                    power[at] = min(max(load[at], none), largest)
                _raise(power, squarings)
                if times.size > 0:
                    often = times[side, place, stage]
                    for at in range(count):
                        power[at] = power[at] * often
                if side == 0 and place == 0:
                    for at in range(count):
                        total[at] = power[at]
                else:
                    for at in range(count):
                        total[at] = total[at] + power[at]
        weight = slope[stage]
        if stage == 0:
            for at in range(count):
                found[at] = total[at] * weight
        else:
            for at in range(count):
                found[at] = found[at] + total[at] * weight


@inner
def _is_tight(
    bytes_: NDArray[np.float64], change: NDArray[np.float64], capacity: NDArray[np.float64]
) -> bool:
    for side in range(2):
        for tier in range(bytes_.shape[2]):
            more = 0.0
            for number in range(len(change)):
                more += max(change[number, side, tier], 0.0)
            for place in range(bytes_.shape[1]):
                if bytes_[side, place, tier] + more > capacity[side, place, tier]:
                    return True
    return False


@inner
def add_price(
    score: Floats,
    spare: Floats,
    price: np.float32,
    bytes_: NDArray[np.float64],
    change: NDArray[np.float64],
    capacity: NDArray[np.float64],
) -> None:
    """Add to ``score`` (2 ** n,) the price of bytes over ``capacity`` (2, width, tiers).

    ``bytes_`` are (2, width, tiers), ``change`` (n, 2, tiers); ``spare`` as in ``put_seconds``.
    """
    if not _is_tight(bytes_, change, capacity):
        return
    count, none = score.size, np.float32(0.0)
    total, over, scaled = spare[0, :count], spare[1, :count], np.empty(len(change), np.float32)
    for at in range(count):
        over[at] = none
    for side in range(2):
        for place in range(bytes_.shape[1]):
            for tier in range(bytes_.shape[2]):
                most = capacity[side, place, tier]
                scale = max(most, 1.0)
                for number in range(len(change)):
                    scaled[number] = np.float32(change[number, side, tier] / scale)
                combine(total, np.float32(bytes_[side, place, tier] / scale), scaled)
                limit = np.float32(most / scale)
                for at in range(count):
                    over[at] = over[at] + max(total[at] - limit, none)
    for at in range(count):
        score[at] = score[at] + price * over[at]
