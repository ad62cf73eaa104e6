"""Units put on places and taken off, with all sums and a way back; compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.solve.problem.power_mean import LARGEST_RATIO
from shardplan.solve.search.compiling.jit import inlined
from shardplan.solve.search.reinsertion.arrays import ALL, DEVICE, NODE, NOWHERE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.search.reinsertion.arrays import Undo, Walk
    from shardplan.solve.search.repartition.compiled.arrays import Options


@inlined
def raised(ratio: float, squarings: int) -> float:
    """``ratio ** (2 ** squarings)``, of a load in units of its reference."""
    power: float = min(max(ratio, 0.0), LARGEST_RATIO)
    for _ in range(squarings):
        power *= power
    return power


@inlined
def more_over(held: float, more: float, capacity: float) -> float:
    """By how much of its capacity a tier is over more than before."""
    before, after = max(held - capacity, 0.0), max(held + more - capacity, 0.0)
    seconds: float = (after - before) / max(capacity, 1.0)
    return seconds


@inlined
def _keep_device(walk: Walk, undo: Undo, device: int) -> None:
    at = undo.filled[0]
    undo.filled[0], undo.device[at] = at + 1, device
    for stage in range(walk.total.size):
        undo.load[at, stage] = walk.load[device, stage]
        undo.power[at, stage] = walk.power[device, stage]
    for tier in range(walk.device_bytes.shape[1]):
        undo.device_bytes[at, tier] = walk.device_bytes[device, tier]


@inlined
def _put_on_device(
    walk: Walk,
    options: Options,
    undo: Undo,
    device: int,
    seconds: NDArray[np.float64],
    bytes_: NDArray[np.float64],
    sign: float,
    squarings: int,
) -> None:
    _keep_device(walk, undo, device)
    for stage in range(seconds.size):
        load = max(walk.load[device, stage] + sign * seconds[stage], 0.0)
        power = raised(load / walk.reference[stage], squarings)
        walk.total[stage] += power - walk.power[device, stage]
        walk.load[device, stage], walk.power[device, stage] = load, power
    for tier in range(bytes_.size):
        held, more = walk.device_bytes[device, tier], sign * bytes_[tier]
        walk.over[0] += more_over(held, more, options.device_capacity[device, tier])
        walk.device_bytes[device, tier] = held + more


@inlined
def _put_on_node(
    walk: Walk, options: Options, undo: Undo, node: int, bytes_: NDArray[np.float64], sign: float
) -> None:
    at = undo.filled[1]
    undo.filled[1], undo.node[at] = at + 1, node
    for tier in range(bytes_.size):
        held, more = walk.node_bytes[node, tier], sign * bytes_[tier]
        undo.node_bytes[at, tier] = held
        walk.over[0] += more_over(held, more, options.node_capacity[node, tier])
        walk.node_bytes[node, tier] = held + more


@inlined
def put_unit(
    walk: Walk,
    options: Options,
    undo: Undo,
    option: int,
    shape: int,
    place: int,
    sign: float,
    squarings: int,
) -> None:
    """Put a unit of an option on its place, with a sign of 1, or take it off, with -1."""
    each = options.devices_per_node
    seconds, bytes_ = options.load_seconds[option], options.device_bytes[option]
    first, many, node, nodes = place, 1, place // each, 1
    if shape == NODE:
        first, many, node = place * each, each, place
    elif shape == ALL:
        first, many, node, nodes = 0, len(walk.load), 0, len(walk.node_bytes)
    for device in range(first, first + many):
        _put_on_device(walk, options, undo, device, seconds, bytes_, sign, squarings)
    if options.node_bytes.shape[1] > 0:
        for at in range(node, node + nodes):
            _put_on_node(walk, options, undo, at, options.node_bytes[option], sign)
    if options.has_spill and shape == DEVICE:
        spilt, none = options.spill_seconds[option], bytes_[:0]
        for device in range(node * each, node * each + each):
            if device != place:
                _put_on_device(walk, options, undo, device, spilt, none, sign, squarings)


@inlined
def growth_at(
    walk: Walk, options: Options, option: int, shape: int, place: int, price: float, squarings: int
) -> float:
    """Seconds by which a unit on a device or node raises the smooth objective, about."""
    each, found = options.devices_per_node, 0.0
    seconds, bytes_ = options.load_seconds[option], options.device_bytes[option]
    first, many, node = place, 1, place // each
    if shape == NODE:
        first, many, node = place * each, each, place
    for device in range(first, first + many):
        for stage in range(seconds.size):
            load = (walk.load[device, stage] + seconds[stage]) / walk.reference[stage]
            more = raised(load, squarings) - walk.power[device, stage]
            found += walk.slope[stage] * more
        for tier in range(bytes_.size):
            held, most = walk.device_bytes[device, tier], options.device_capacity[device, tier]
            found += price * more_over(held, bytes_[tier], most)
    for tier in range(options.node_bytes.shape[1]):
        held, more = walk.node_bytes[node, tier], options.node_bytes[option, tier]
        found += price * more_over(held, more, options.node_capacity[node, tier])
    if options.has_spill and shape == DEVICE:
        for device in range(node * each, node * each + each):
            for stage in range(seconds.size if device != place else 0):
                more = options.spill_seconds[option, stage]
                load = (walk.load[device, stage] + more) / walk.reference[stage]
                more = raised(load, squarings) - walk.power[device, stage]
                found += walk.slope[stage] * more
    return found


@inlined
def begin_move(walk: Walk, undo: Undo) -> None:
    """From here on a move can be undone."""
    undo.filled[0] = undo.filled[1] = 0
    undo.over[0] = walk.over[0]
    for stage in range(walk.total.size):
        undo.total[stage] = walk.total[stage]
    for group in range(walk.uses.size):
        undo.uses[group] = walk.uses[group]


@inlined
def keep_item(walk: Walk, undo: Undo, nth: int, item: int) -> None:
    """Remember where the ``nth`` item of a move is."""
    undo.item[nth], undo.option[nth] = item, walk.option[item]
    for unit in range(walk.slot.shape[1]):
        undo.slot[nth, unit] = walk.slot[item, unit]


@inlined
def undo_move(walk: Walk, undo: Undo, items: int) -> None:
    """Let all be as it was when the move began, of so many items."""
    for back in range(undo.filled[0]):
        at = undo.filled[0] - 1 - back
        device = undo.device[at]
        for stage in range(walk.total.size):
            walk.load[device, stage] = undo.load[at, stage]
            walk.power[device, stage] = undo.power[at, stage]
        for tier in range(walk.device_bytes.shape[1]):
            walk.device_bytes[device, tier] = undo.device_bytes[at, tier]
    for back in range(undo.filled[1]):
        at = undo.filled[1] - 1 - back
        for tier in range(walk.node_bytes.shape[1]):
            walk.node_bytes[undo.node[at], tier] = undo.node_bytes[at, tier]
    walk.over[0] = undo.over[0]
    for stage in range(walk.total.size):
        walk.total[stage] = undo.total[stage]
    for group in range(walk.uses.size):
        walk.uses[group] = undo.uses[group]
    for nth in range(items):
        item = undo.item[nth]
        walk.option[item] = undo.option[nth]
        for unit in range(walk.slot.shape[1]):
            walk.slot[item, unit] = undo.slot[nth, unit]


@inlined
def take_out(
    walk: Walk, options: Options, undo: Undo, nth: int, shape: int, squarings: int
) -> None:
    """Take all units of the ``nth`` kept item off their places."""
    item, option = undo.item[nth], undo.option[nth]
    if shape == ALL:
        put_unit(walk, options, undo, option, shape, 0, -1.0, squarings)
    for unit in range(walk.slot.shape[1]):
        place = walk.slot[item, unit]
        if place == NOWHERE:
            break
        put_unit(walk, options, undo, option, shape, place, -1.0, squarings)
        walk.slot[item, unit] = NOWHERE
    for group in range(walk.uses.size):
        if options.groups[option, group]:
            walk.uses[group] -= 1
