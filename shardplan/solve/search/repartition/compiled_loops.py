"""What numba compiles of ``array_loops``, to the same bits.

Where LLVM makes vectors of a loop, each lane does what one turn would: nothing is added in another
order, and nothing is fused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from shardplan.solve.search.repartition.array_loops import NOWHERE

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


@_compiled
def candidates(
    slot: NDArray[np.int64],
    is_active: NDArray[np.bool_],
    pair: NDArray[np.int64],
    alternatives: NDArray[np.int64],
    coin: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """See ``array_loops``."""
    copies, rows, slots = slot.shape
    found = np.empty((4, copies * rows * slots), np.int64)
    whole = np.empty((3, copies * rows), np.int64)
    units, wholes = 0, 0
    for copy in range(copies):
        for row in range(rows):
            if not is_active[copy, row]:
                continue
            highest = NOWHERE
            for at in range(slots):
                place = slot[copy, row, at]
                if place != NOWHERE:
                    highest = max(highest, pair[copy, place])
            if highest == NOWHERE:
                continue
            inside = alternatives[row] > 0 and coin[copy, row] < 0.5
            for at in range(slots):
                place = slot[copy, row, at]
                if place != NOWHERE and pair[copy, place] != highest:
                    inside = False
            if inside:
                whole[0, wholes], whole[1, wholes], whole[2, wholes] = copy, row, highest
                wholes += 1
                continue
            for at in range(slots):
                place = slot[copy, row, at]
                if place != NOWHERE and pair[copy, place] != NOWHERE:
                    found[0, units], found[1, units], found[2, units] = copy, row, at
                    found[3, units] = pair[copy, place]
                    units += 1
    for number in range(wholes):
        found[0, units + number], found[1, units + number] = whole[0, number], whole[1, number]
        found[2, units + number], found[3, units + number] = NOWHERE, whole[2, number]
    count = units + wholes
    return found[0, :count], found[1, :count], found[2, :count], found[3, :count]


@_compiled
def first_of_pairs(
    pair: NDArray[np.int64], key: NDArray[np.float64], pairs: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """See ``array_loops``: of equal keys, the one that comes first."""
    kept = np.empty((pairs, most), np.int64)
    counts = np.zeros(pairs, np.int64)
    for number in range(pair.size):
        of_pair, own = kept[pair[number]], key[number]
        at = counts[pair[number]]
        if at == most:
            if most == 0 or key[of_pair[most - 1]] <= own:
                continue
            at -= 1
        else:
            counts[pair[number]] += 1
        while at > 0 and key[of_pair[at - 1]] > own:
            of_pair[at] = of_pair[at - 1]
            at -= 1
        of_pair[at] = number
    which, rank = np.empty(counts.sum(), np.int64), np.empty(counts.sum(), np.int64)
    at = 0
    for each in range(pairs):
        for nth in range(counts[each]):
            which[at], rank[at] = kept[each, nth], nth
            at += 1
    return which, rank


@_compiled
def sides_of_changes(
    slot: NDArray[np.int64],
    side: NDArray[np.int64],
    copy: NDArray[np.int64],
    row: NDArray[np.int64],
    at: NDArray[np.int64],
    first: NDArray[np.int64],
    units: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """See ``array_loops``."""
    before = np.zeros((copy.size, 2), np.int64)
    after = np.zeros((copy.size, 2), np.int64)
    for number in range(copy.size):
        own, of_copy = slot[copy[number], row[number]], side[copy[number]]
        if at[number] != NOWHERE:
            from_ = of_copy[own[at[number]]]
            before[number, from_] = 1
            after[number, 1 - from_] = 1
            continue
        for nth in range(own.size):
            if own[nth] != NOWHERE:
                before[number, of_copy[own[nth]]] += 1
        less = units[number] // 2
        after[number, first[number]] = units[number] - less
        after[number, 1 - first[number]] = less
    return before, after


@_compiled
def put_into_slots(
    slot: NDArray[np.int64],
    places: NDArray[np.int64],
    copy: NDArray[np.int64],
    row: NDArray[np.int64],
    at: NDArray[np.int64],
    after: NDArray[np.int64],
    first: NDArray[np.int64],
    units: NDArray[np.int64],
) -> None:
    """See ``array_loops``."""
    for number in range(copy.size):
        own = slot[copy[number], row[number]]
        if at[number] != NOWHERE:
            to = 1 if after[number, 1] > after[number, 0] else 0
            own[at[number]] = places[number, to]
            continue
        for nth in range(own.size):
            is_used = nth < units[number]
            own[nth] = places[number, (first[number] + nth) % 2] if is_used else NOWHERE


@_compiled
def put_changes(
    total: NDArray[np.float64],
    pair: NDArray[np.int64],
    rank: NDArray[np.int64],
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    per_unit: NDArray[np.float64],
) -> None:
    """See ``array_loops``."""
    for number in range(pair.size):
        less, more = per_unit[old[number]], per_unit[new[number]]
        for side in range(2):
            of_side = total[pair[number], rank[number], side]
            gone, come = float(before[number, side]), float(after[number, side])
            for kind in range(of_side.size):
                of_side[kind] = come * more[kind] - gone * less[kind]
