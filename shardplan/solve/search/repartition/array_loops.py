"""The inner loops of repartition over arrays: what ``compiled`` does one number at a time.

Where floats are added their order is fixed, so that both come to the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOWHERE = -1
"""For a place, of a unit that has none."""


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


def candidates(
    slot: NDArray[np.int64],
    is_active: NDArray[np.bool_],
    pair: NDArray[np.int64],
    alternatives: NDArray[np.int64],
    is_head: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What may change within pairs: copy, row, slot and pair of each, (n,).

    Of the rows ``is_active`` (R, rows), whose units lie in ``slot`` (R, rows, slots), those wholly
    inside one pair that have ``alternatives`` (rows,) may change as a whole, where their coin
    ``is_head`` (R, rows): their slot is ``NOWHERE``, and they come last. Of all others, each unit
    that is in a pair may. ``pair`` (R, places) is the pair of a place, or ``NOWHERE``.
    """
    used = (slot != NOWHERE) & is_active[:, :, None]
    place = np.where(used, slot, 0)
    of_slot = np.where(used, pair[np.arange(len(slot))[:, None, None], place], NOWHERE)
    highest = of_slot.max(axis=2)
    inside = (np.where(used, of_slot, highest[:, :, None]) == highest[:, :, None]).all(axis=2)
    whole = inside & (highest != NOWHERE) & (alternatives > 0) & is_head
    copy, row, at = np.nonzero((of_slot != NOWHERE) & ~whole[:, :, None])
    whole_copy, whole_row = np.nonzero(whole)
    return (
        np.concatenate([copy, whole_copy]),
        np.concatenate([row, whole_row]),
        np.concatenate([at, np.full(len(whole_row), NOWHERE)]),
        np.concatenate([of_slot[copy, row, at], highest[whole_copy, whole_row]]),
    )


def first_of_pairs(
    pair: NDArray[np.int64], key: NDArray[np.uint64], pairs: int, most: int
) -> NDArray[np.int64]:
    """Pair by pair, those of the smallest keys: which of the (n,)."""
    order = np.lexsort((key, pair))
    return order[ranks(pair[order], pairs) < most]


def ranks(pair: NDArray[np.int64], pairs: int) -> NDArray[np.int64]:
    """(n,): 0, 1, ... within each pair, whose numbers do not fall."""
    counts = np.bincount(pair, minlength=pairs)
    rank: NDArray[np.int64] = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank


def sides_of_changes(
    slot: NDArray[np.int64],
    side: NDArray[np.int64],
    copy: NDArray[np.int64],
    row: NDArray[np.int64],
    at: NDArray[np.int64],
    first: NDArray[np.int64],
    units: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Units on each side of a pair, (n, 2), that each change takes away, and that it puts there.

    ``side`` (R, places) is that of a place. The unit in a slot ``at`` changes sides; a whole row
    (``NOWHERE``) gets so many ``units`` (n,), the ``first`` (n,) of them on that side, the next on
    the other, and so on.
    """
    is_whole = at == NOWHERE
    moved = ~is_whole
    own = side[copy, slot[copy, row, at]]
    slots = slot[copy, row]
    sides = side[copy[:, None], slots]
    there = (slots != NOWHERE) & is_whole[:, None]
    before = np.stack(
        [(there & (sides == s)).sum(axis=1) + (moved & (own == s)) for s in (0, 1)], axis=1
    )
    more, less = units - units // 2, units // 2
    after = np.stack(
        [
            np.where(moved, own == 1 - s, np.where(first == s, more, less)).astype(np.int64)
            for s in (0, 1)
        ],
        axis=1,
    )
    return before, after


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
    """Change ``slot`` (R, rows, slots) as ``sides_of_changes`` says; ``places`` (n, 2) are those of
    each change's pair."""
    moved = np.flatnonzero(at != NOWHERE)
    to = after[moved].argmax(axis=1)
    slot[copy[moved], row[moved], at[moved]] = places[moved, to]
    whole = np.flatnonzero(at == NOWHERE)
    nth = np.arange(slot.shape[2])
    side_of = (first[whole][:, None] + nth) % 2
    there = np.take_along_axis(places[whole], side_of, axis=1)
    slot[copy[whole], row[whole]] = np.where(nth < units[whole][:, None], there, NOWHERE)


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
    """Put into ``total`` (G, K, 2, kinds) what each change adds to each side, of ``per_unit`` (O,
    kinds): units ``after`` (n, 2) it of a ``new`` option, less those ``before`` of an ``old`` one.
    """
    total[pair, rank] = (
        after[:, :, None] * per_unit[new][:, None] - before[:, :, None] * per_unit[old][:, None]
    )
