"""What may change in a round, drawn by compiled code: what ``ChangeDraws`` draws over arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.search.compiling.jit import inlined, inner
from shardplan.solve.search.repartition.array_loops import NOWHERE
from shardplan.solve.search.repartition.chance import (
    COIN,
    FIRST_FACTOR,
    FIRST_SHIFT,
    KEY,
    OPTION,
    SECOND_FACTOR,
    SECOND_SHIFT,
    STEP,
    THIRD_SHIFT,
    USE_FACTOR,
)
from shardplan.solve.search.repartition.compiled.arrays import (
    AFTER,
    AT,
    BEFORE,
    COLUMNS,
    FIRST,
    NEW,
    OLD,
    ROW,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.search.repartition.compiled.arrays import Chance, Level, Options, State

    Ints = NDArray[np.int64]

_STEP, _USE_FACTOR = np.uint64(STEP), np.uint64(USE_FACTOR)
_FIRST_FACTOR, _SECOND_FACTOR = np.uint64(FIRST_FACTOR), np.uint64(SECOND_FACTOR)
_FIRST_SHIFT, _SECOND_SHIFT = np.uint64(FIRST_SHIFT), np.uint64(SECOND_SHIFT)
_THIRD_SHIFT, _ONE = np.uint64(THIRD_SHIFT), np.uint64(1)


@inlined
def bits(key: np.uint64, use: int, number: int) -> np.uint64:
    """See ``Dice.bits``."""
    found = np.uint64(number) * _STEP + (key + np.uint64(use) * _USE_FACTOR + _STEP)
    found ^= found >> _FIRST_SHIFT
    found *= _FIRST_FACTOR
    found ^= found >> _SECOND_SHIFT
    found *= _SECOND_FACTOR
    return found ^ (found >> _THIRD_SHIFT)


@inner
def _keep(
    changes: Ints, keys: NDArray[np.uint64], count: int, key: np.uint64, row: int, at: int
) -> int:
    """Let a candidate be among those of a pair with the smallest keys, and say how many it has."""
    most = len(keys)
    if count == most and (most == 0 or keys[most - 1] <= key):
        return count
    where = min(count, most - 1)
    while where > 0 and keys[where - 1] > key:
        keys[where] = keys[where - 1]
        changes[where, ROW] = changes[where - 1, ROW]
        changes[where, AT] = changes[where - 1, AT]
        where -= 1
    keys[where], changes[where, ROW], changes[where, AT] = key, row, at
    return min(count + 1, most)


@inner
def _draw_candidates(
    changes: Ints,
    count: Ints,
    state: State,
    level: Level,
    chance: Chance,
    copy: int,
    pair_of: Ints,
) -> None:
    """Put into (P, most, COLUMNS) which rows and slots may change, and how many of each pair."""
    option, slot = state.option[copy], state.slot[copy]
    is_option, is_free, alternatives = level.is_option, level.is_free, level.many
    pairs = len(count)
    rows, slots = slot.shape
    keys = np.empty(changes.shape[:2], np.uint64)
    for row in range(rows):
        if not (is_option[option[row]] and is_free[row]):
            continue
        units, lowest, highest = 0, pairs, NOWHERE
        while units < slots and slot[row, units] != NOWHERE:
            pair = pair_of[slot[row, units]]
            lowest, highest, units = min(lowest, pair), max(highest, pair), units + 1
        if highest == NOWHERE:
            continue
        number, is_inside = copy * rows + row, lowest == highest and alternatives[row] > 0
        if is_inside and (bits(chance.key, COIN, number) & _ONE) == 0:
            key = bits(chance.key, KEY, number * (slots + 1))
            held = count[highest]
            count[highest] = _keep(changes[highest], keys[highest], held, key, row, NOWHERE)
            continue
        for at in range(units):
            pair = pair_of[slot[row, at]]
            if pair != NOWHERE:
                key = bits(chance.key, KEY, number * (slots + 1) + at + 1)
                count[pair] = _keep(changes[pair], keys[pair], count[pair], key, row, at)


@inner
def _put_sides(
    change: Ints, own: Ints, side_of: Ints, alternatives: Ints, units: Ints, nth: np.uint64
) -> None:
    """Fill in what becomes of a row with the slots ``own``, or of one slot of them."""
    if change[AT] != NOWHERE:
        side = side_of[own[change[AT]]]
        change[BEFORE + side] = 1
        change[AFTER + 1 - side] = 1
        return
    change[NEW] = alternatives[np.int64(nth % np.uint64(alternatives.size))]
    for slot in range(own.size):
        if own[slot] != NOWHERE:
            change[BEFORE + side_of[own[slot]]] += 1
    count = units[change[NEW]]
    change[AFTER + change[FIRST]] = count - count // 2
    change[AFTER + 1 - change[FIRST]] = count // 2


@inner
def _put_changes(
    changes: Ints,
    count: Ints,
    state: State,
    options: Options,
    level: Level,
    chance: Chance,
    copy: int,
    side_of: Ints,
) -> None:
    """Fill in what becomes of all candidates, and leave out those that are not allowed."""
    option, slot, order = state.option[copy], state.slot[copy], chance.order[copy]
    domain, is_open, units = options.domain, level.is_open, options.units
    alternatives, first, many = level.alternatives, level.first, level.many
    for pair in range(len(count)):
        drawn, kept = count[pair], 0
        for number in range(drawn):
            row, change = changes[pair, number, ROW], changes[pair, kept]
            change[AT] = changes[pair, number, AT]
            for column in range(OLD, COLUMNS):
                change[column] = 0
            own_bits = bits(chance.key, OPTION, copy * option.size + row)
            change[ROW], change[OLD], change[NEW] = row, option[row], option[row]
            change[FIRST] = np.int64(own_bits & _ONE)
            own = alternatives[first[row] : first[row] + many[row]]
            _put_sides(change, slot[row], side_of, own, units, own_bits >> _ONE)
            is_allowed = True
            for side in range(2):
                is_there = is_open[domain[change[NEW]], order[2 * pair + side]]
                if change[AFTER + side] > 0 and not is_there:
                    is_allowed = False
            kept += is_allowed
        count[pair] = kept


@inner
def draw_changes(
    state: State, options: Options, level: Level, chance: Chance, copy: int, most: int
) -> tuple[Ints, Ints]:
    """(P, most, COLUMNS) changes of the pairs of a copy, and (P,) how many each has."""
    order = chance.order[copy]
    pairs = order.size // 2
    pair_of, side_of = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    for at in range(order.size):
        pair_of[order[at]] = at // 2 if at < 2 * pairs else NOWHERE
        side_of[order[at]] = at % 2
    changes, count = np.empty((pairs, most, COLUMNS), np.int64), np.zeros(pairs, np.int64)
    _draw_candidates(changes, count, state, level, chance, copy, pair_of)
    _put_changes(changes, count, state, options, level, chance, copy, side_of)
    return changes, count
