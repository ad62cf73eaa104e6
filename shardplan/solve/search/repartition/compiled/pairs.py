"""What each pair chooses of its changes: ``PairObjective.choose``, compiled to the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.search.compiling.jit import inlined, inner
from shardplan.solve.search.repartition.chance import (
    LEVELS_BITS,
    LOG2_AT_ONCE,
    LOG2_COMBINATIONS,
    NOISE,
)
from shardplan.solve.search.repartition.compiled.arrays import AFTER, BEFORE, NEW, OLD
from shardplan.solve.search.repartition.compiled.draws import bits
from shardplan.solve.search.repartition.compiled.scores import (
    add_price,
    combine,
    put_seconds,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.search.repartition.compiled.arrays import (
        Chance,
        Level,
        Options,
        State,
        Weights,
    )

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

_LEVELS_BITS, _MASK = np.uint64(LEVELS_BITS), np.uint64((1 << LEVELS_BITS) - 1)
_AT_ONCE = 1 << LOG2_AT_ONCE


@inlined
def _choose(score: Floats, heat: np.float32, levels: Floats, key: np.uint64, pair: int) -> int:
    """The number of the least score with noise."""
    best = 0
    for at in range(score.size):
        if score[at] < score[best]:
            best = at
    if heat == np.float32(0.0):
        return best
    # Noise is within limits, so that what is too far from the least needs none.
    lowest, reach = heat * levels[0], score[best] + heat * levels[-1]
    least, best, word, drawn = np.float32(np.inf), 0, -1, np.uint64(0)
    for at in range(score.size):
        if score[at] + lowest > reach:
            continue
        if at // _AT_ONCE != word:
            word = at // _AT_ONCE
            drawn = bits(key, NOISE, (pair << LOG2_COMBINATIONS) + word)
        level = (drawn >> (np.uint64(at % _AT_ONCE) * _LEVELS_BITS)) & _MASK
        noisy = score[at] + heat * levels[np.int64(level)]
        if noisy < least:
            least, best = noisy, at
    return best


@inner
def _put_change(found: Doubles, changes: Ints, per_unit: Doubles) -> None:
    """Into (n, 2, kinds) what each change adds to each side."""
    for number in range(len(changes)):
        old, new = changes[number, OLD], changes[number, NEW]
        for side in range(2):
            come = float(changes[number, AFTER + side])
            gone = float(changes[number, BEFORE + side])
            for kind in range(per_unit.shape[1]):
                found[number, side, kind] = come * per_unit[new, kind] - gone * per_unit[old, kind]


@inner
def _put_in_units(found: Floats, values: Doubles, unit: Doubles) -> None:
    """Into (a, b, S) seconds in (S,) units."""
    for one in range(values.shape[0]):
        for other in range(values.shape[1]):
            for stage in range(values.shape[2]):
                found[one, other, stage] = np.float32(values[one, other, stage] / unit[stage])


@inner
def _spill_together(change: Doubles, spilt: Doubles) -> None:
    """Of two devices of a node: each bears what the other spills, and both spill on the rest."""
    for number in range(len(change)):
        for stage in range(change.shape[2]):
            one, other = spilt[number, 0, stage], spilt[number, 1, stage]
            change[number, 0, stage] += other
            change[number, 1, stage] += one
            spilt[number, 0, stage] = spilt[number, 1, stage] = one + other


@inner
def _put_fullest(
    base: Doubles,
    times: Floats,
    load: Doubles,
    unit: Doubles,
    node: Ints,
    both: Ints,
    each: int,
    squarings: int,
) -> None:
    """See ``PairObjective.fullest``: of the devices of both nodes but the pair's, once each."""
    for side in range(2):
        for stage in range(unit.size):
            most, idle, often = 0.0, 0, 0.0
            for nth in range(0 if side == 1 and node[0] == node[1] else each):
                device = node[side] * each + nth
                if device != both[0] and device != both[1]:
                    most = max(most, load[device, stage] / unit[stage])
                    idle += 1
            for nth in range(each if idle else 0):
                device = node[side] * each + nth
                if device != both[0] and device != both[1]:
                    power = load[device, stage] / unit[stage] / max(most, 1e-30)
                    for _ in range(squarings):
                        power *= power
                    often += power
            base[side, 0, stage] = most * unit[stage]
            times[side, 0, stage] = np.float32(often if most > 0.0 else idle)


@inner
def _put_charged(
    found: Floats,
    changes: Ints,
    uses: NDArray[np.int32],
    groups: NDArray[np.bool_],
    charge: Doubles,
) -> None:
    """See ``PairObjective._charged``."""
    for number in range(len(changes)):
        old, new, seconds = changes[number, OLD], changes[number, NEW], 0.0
        for group in range(uses.size):
            before, after = groups[old, group], groups[new, group]
            if after and uses[group] == 0:
                seconds += charge[group]
            if before and not after and uses[group] == 1:
                seconds -= charge[group]
        found[number] = np.float32(seconds)


@inner
def _put_shared(
    bytes_: Doubles, capacity: Doubles, held: Doubles, most: Doubles, node: Ints, each: int
) -> None:
    """See ``_Pooled._shared``; ``each`` is how many claim a node's free room, 0 for one alone."""
    for side in range(2):
        for tier in range(held.shape[1]):
            own, limit = held[node[side], tier], most[node[side], tier]
            bytes_[side, 0, tier], capacity[side, 0, tier] = own, limit
            if each > 0 and limit - own > 0.0:
                capacity[side, 0, tier] = own + (limit - own) / each


@inner
def _put_rows(found: Doubles, values: Doubles, both: Ints) -> None:
    """Into (2, width, kinds) what the devices of both places have."""
    width = found.shape[1]
    for side in range(2):
        for at in range(width):
            for kind in range(found.shape[2]):
                found[side, at, kind] = values[both[side] * width + at, kind]


@inner
def _add_up(score: Floats, more: Floats) -> None:
    for at in range(score.size):
        score[at] = score[at] + more[at]


@inner
def choose_changes(
    state: State,
    options: Options,
    level: Level,
    weights: Weights,
    chance: Chance,
    copy: int,
    changes: Ints,
    count: Ints,
) -> Ints:
    """(P,): the number of the combination that each pair of a copy chooses."""
    most, each = changes.shape[1], options.devices_per_node
    load, held, shared = state.load[copy], state.device_bytes[copy], state.node_bytes[copy]
    stages, tiers, node_tiers = load.shape[1], held.shape[1], shared.shape[1]
    unit, slope, price = weights.reference, weights.slope, weights.price
    largest, squarings = weights.largest, weights.squarings
    change, change32 = np.empty((most, 2, stages)), np.empty((most, 2, stages), np.float32)
    base, base32 = (
        np.empty((2, level.width, stages)),
        np.empty((2, level.width, stages), np.float32),
    )
    spilt, once = np.empty((most, 2, stages)), np.empty((0, 0, 0), np.float32)
    around, around32 = np.empty((2, 1, stages)), np.empty((2, 1, stages), np.float32)
    times = np.empty((2, 1, stages), np.float32)
    of_tiers, of_nodes = np.empty((most, 2, tiers)), np.empty((most, 2, node_tiers))
    bytes_, room = np.empty((2, level.width, tiers)), np.empty((2, level.width, tiers))
    node_bytes, node_room = np.empty((2, 1, node_tiers)), np.empty((2, 1, node_tiers))
    charged, spare = np.empty(most, np.float32), np.empty((3, 1 << most), np.float32)
    scores, mores = np.empty(1 << most, np.float32), np.empty(1 << most, np.float32)
    chosen, node = np.zeros(len(count), np.int64), np.empty(2, np.int64)
    for pair in range(len(count)):
        n = count[pair]
        if n == 0:
            continue
        mine, both = changes[pair, :n], chance.order[copy, 2 * pair : 2 * pair + 2]
        for side in range(2):
            node[side] = both[side] // each if level.is_device else both[side]
        score, more = scores[: 1 << n], mores[: 1 << n]
        _put_change(change, mine, options.load_seconds)
        if options.has_spill and level.is_device:
            _put_change(spilt, mine, options.spill_seconds)
            if node[0] == node[1]:
                _spill_together(change[:n], spilt[:n])
            _put_fullest(around, times, load, unit, node, both, each, squarings)
            _put_in_units(around32, around, unit)
            _put_in_units(change32, spilt[:n], unit)
            put_seconds(more, spare, around32, change32[:n], times, slope, largest, squarings)
        _put_rows(base, load, both)
        _put_in_units(base32, base, unit)
        _put_in_units(change32, change[:n], unit)
        put_seconds(score, spare, base32, change32[:n], once, slope, largest, squarings)
        if options.has_spill and level.is_device:
            _add_up(score, more)
        if options.groups.shape[1] > 0:
            _put_charged(charged, mine, state.uses[copy], options.groups, weights.charge)
            combine(more, np.float32(0.0), charged[:n])
            _add_up(score, more)
        _put_change(of_tiers, mine, options.device_bytes)
        _put_rows(bytes_, held, both)
        _put_rows(room, options.device_capacity, both)
        add_price(score, spare, price, bytes_, of_tiers[:n], room)
        if node_tiers > 0 and not (level.is_device and node[0] == node[1]):
            _put_change(of_nodes, mine, options.node_bytes)
            claims = each if level.is_device else 0
            _put_shared(node_bytes, node_room, shared, options.node_capacity, node, claims)
            add_price(score, spare, price, node_bytes, of_nodes[:n], node_room)
        number = copy * len(count) + pair
        chosen[pair] = _choose(score, weights.heat, chance.levels, chance.key, number)
    return chosen
