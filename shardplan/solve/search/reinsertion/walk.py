"""The moves of a walk: an item or two taken out and put back elsewhere or as other options.

Compiled by numba; see ``Reinsertion``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.objective import SHORTER_CHAINS
from shardplan.solve.problem.power_mean import LEAST_REFERENCE, LEAST_SECONDS
from shardplan.solve.search.compiling.jit import Kept, compiled, inlined
from shardplan.solve.search.reinsertion.arrays import (
    ALL,
    DEVICE,
    DICE,
    NOWHERE,
    Batches,
    BestWalk,
    Choices,
    Undo,
    Walk,
)
from shardplan.solve.search.reinsertion.sums import (
    begin_move,
    growth_at,
    keep_item,
    put_unit,
    raised,
    take_out,
    undo_move,
)
from shardplan.solve.search.repartition.compiled.arrays import Objective, Options
from shardplan.solve.search.repartition.compiled.objective import seconds_of, stage_weights_of

__all__ = ["KEPT", "walk_on"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRIED = 6
"""Places that a unit may choose from, where there are more."""
_KEEPS_OPTION = 0.5
"""Share of the items put back that are put back as what they were."""
_LEAST_POWER = 1e-300
_FREE = 1e-9
"""Bytes over, relative to the capacity, that rounding may leave."""


@inlined
def _refresh(
    walk: Walk, options: Options, objective: Objective, weight: NDArray[np.float64], squarings: int
) -> None:
    """Count everything afresh, in units of the slowest devices."""
    devices, stages = walk.load.shape
    longest = LEAST_SECONDS
    for stage in range(stages):
        most = 0.0
        for device in range(devices):
            most = max(most, walk.load[device, stage])
        walk.reference[stage] = most
        longest = max(longest, most)
    for stage in range(stages):
        unit = max(walk.reference[stage], LEAST_REFERENCE * longest)
        walk.reference[stage], walk.total[stage] = unit, 0.0
        for device in range(devices):
            power = raised(walk.load[device, stage] / unit, squarings)
            walk.power[device, stage] = power
            walk.total[stage] += power
    weights = stage_weights_of(walk.reference, walk.uses, objective)
    for stage in range(stages):
        weight[stage] = weights[stage]
    walk.over[0] = 0.0
    for device in range(devices):
        for tier in range(walk.device_bytes.shape[1]):
            most = options.device_capacity[device, tier]
            walk.over[0] += max(walk.device_bytes[device, tier] - most, 0.0) / max(most, 1.0)
    for node in range(len(walk.node_bytes)):
        for tier in range(walk.node_bytes.shape[1]):
            most = options.node_capacity[node, tier]
            walk.over[0] += max(walk.node_bytes[node, tier] - most, 0.0) / max(most, 1.0)


@inlined
def _score(
    walk: Walk,
    objective: Objective,
    stages: NDArray[np.float64],
    price: float,
    squarings: int,
) -> float:
    """The smooth objective; into ``stages`` (S,) goes what each of them lasts."""
    devices = len(walk.load)
    for stage in range(stages.size):
        root = max(walk.total[stage] / devices, _LEAST_POWER)
        for _ in range(squarings):
            root = np.sqrt(root)
        stages[stage] = walk.reference[stage] * root
        for group in range(walk.uses.size):
            if walk.uses[group] > 0:
                stages[stage] += objective.charge_seconds[group, stage]
    most, together = 0.0, 0.0
    for chain in range(objective.chain_seconds.size):
        seconds = objective.chain_seconds[chain]
        for stage in range(stages.size):
            if objective.in_chain[stage, chain]:
                seconds += stages[stage]
        most = max(most, seconds)
        together += seconds
    score: float = most + SHORTER_CHAINS * together + price * walk.over[0]
    return score


@inlined
def _put_slopes(walk: Walk, weight: NDArray[np.float64], squarings: int) -> None:
    devices = len(walk.load)
    for stage in range(weight.size):
        mean = max(walk.total[stage] / devices, _LEAST_POWER)
        root = mean
        for _ in range(squarings):
            root = np.sqrt(root)
        each = root / mean / (devices << squarings)
        walk.slope[stage] = walk.reference[stage] * weight[stage] * each


@inlined
def _best_place(
    walk: Walk,
    options: Options,
    is_open: NDArray[np.bool_],
    option: int,
    shape: int,
    first: int,
    stride: int,
    vacated: int,
    price: float,
    squarings: int,
) -> int:
    """Of some places, ``vacated`` among them, the one where a unit adds least; or ``NOWHERE``."""
    places, best, least = is_open.size, NOWHERE, np.inf
    tried = min(places, _TRIED)
    for nth in range(tried + 1):
        place = (first + nth * stride) % places if nth < tried else vacated
        if place == NOWHERE or not is_open[place]:
            continue
        growth = growth_at(walk, options, option, shape, place, price, squarings)
        if growth < least:
            least, best = growth, place
    return best


@inlined
def _put_back(
    walk: Walk,
    options: Options,
    choices: Choices,
    undo: Undo,
    nth: int,
    other: int,
    dice: NDArray[np.float64],
    price: float,
    squarings: int,
) -> bool:
    """Put the ``nth`` item of a move somewhere; False where it has no place."""
    item, option = undo.item[nth], undo.option[nth]
    many, draw = choices.many[item], dice[1]
    if draw >= _KEEPS_OPTION:
        pick = int((draw - _KEEPS_OPTION) / (1.0 - _KEEPS_OPTION) * many)
        option = choices.options[choices.first[item] + min(pick, many - 1)]
    shape, domain = choices.shape[option], options.domain[option]
    walk.option[item] = option
    for group in range(walk.uses.size):
        if options.groups[option, group]:
            walk.uses[group] += 1
    if shape == ALL:
        put_unit(walk, options, undo, option, shape, 0, 1.0, squarings)
        return True
    is_open = choices.open_devices[domain] if shape == DEVICE else choices.open_nodes[domain]
    places = is_open.size
    first, stride = int(dice[2] * places), 1
    if places > _TRIED:
        stride = 1 + int(dice[3] * (places - 1))
    is_alike = choices.shape[undo.option[other]] == shape
    for unit in range(options.units[option]):
        vacated = undo.slot[other, unit] if is_alike else NOWHERE
        at = first + unit * _TRIED * stride
        place = _best_place(
            walk, options, is_open, option, shape, at, stride, vacated, price, squarings
        )
        if place == NOWHERE:
            return False
        put_unit(walk, options, undo, option, shape, place, 1.0, squarings)
        walk.slot[item, unit] = place
    return True


@inlined
def _move(
    walk: Walk,
    options: Options,
    choices: Choices,
    undo: Undo,
    dice: NDArray[np.float64],
    price: float,
    squarings: int,
) -> int:
    """Take one item or two out and put them back; how many, negative where one has no place."""
    begin_move(walk, undo)
    items = choices.item.size
    count = 2 if dice[0] < 0.5 and items > 1 else 1
    picked = int(dice[2] * items)
    keep_item(walk, undo, 0, choices.item[picked])
    if count == 2:
        other = (picked + 1 + int(dice[6] * (items - 1))) % items
        keep_item(walk, undo, 1, choices.item[other])
    for nth in range(count):
        take_out(walk, options, undo, nth, choices.shape[undo.option[nth]], squarings)
    for nth in range(count):
        mine, other = dice[2 + 4 * nth : 6 + 4 * nth], count - 1 - nth
        if not _put_back(walk, options, choices, undo, nth, other, mine, price, squarings):
            return -count
    return count


@inlined
def _take_better(walk: Walk, objective: Objective, best: BestWalk) -> None:
    if walk.over[0] > _FREE:
        return
    seconds = seconds_of(walk.load, walk.uses, objective)
    if seconds >= best.objective[0]:
        return
    best.objective[0] = seconds
    for item in range(walk.option.size):
        best.option[item] = walk.option[item]
        for unit in range(walk.slot.shape[1]):
            best.slot[item, unit] = walk.slot[item, unit]


@compiled
def walk_on(
    walk: Walk,
    options: Options,
    choices: Choices,
    objective: Objective,
    plan: Batches,
    undo: Undo,
    best: BestWalk,
    price: float,
) -> int:
    """Make all moves of a plan; ``best`` is told of what is better and fits. How many were kept."""
    weight, stages = np.zeros(walk.total.size), np.zeros(walk.total.size)
    kept = 0
    for batch in range(plan.heat.size):
        heat, squarings = plan.heat[batch], plan.squarings[batch]
        _refresh(walk, options, objective, weight, squarings)
        _take_better(walk, objective, best)
        score = _score(walk, objective, stages, price, squarings)
        _put_slopes(walk, weight, squarings)
        for number in range(plan.dice.shape[1]):
            dice = plan.dice[batch, number]
            count = _move(walk, options, choices, undo, dice, price, squarings)
            after = _score(walk, objective, stages, price, squarings)
            if count > 0 and after <= score + heat * dice[1]:
                score = after
                kept += 1
                _put_slopes(walk, weight, squarings)
            else:
                undo_move(walk, undo, abs(count))
    _refresh(walk, options, objective, weight, 1)
    _take_better(walk, objective, best)
    return kept


def _call_once() -> None:
    """One item on two devices, and no move."""
    at, one, yes = np.zeros(1, dtype=np.int64), np.ones(1), np.ones((1, 2), dtype=np.bool_)
    row, slot, load = np.ones((1, 1)), np.zeros((1, 1), dtype=np.int64), np.ones((2, 1))
    uses = np.zeros(1, dtype=np.int32)
    options = Options(at, row, row, row, row, row, load, row, at, yes[:, :1].copy(), True, 2)
    choices = Choices(at, at, at, at, at, yes, yes[:, :1].copy())
    objective = Objective(yes[:, :1].copy(), one, row, 1.0)
    walk = Walk(
        at.copy(),
        slot,
        load.copy(),
        load.copy(),
        row.copy(),
        uses,
        load.copy(),
        one.copy(),
        one.copy(),
        one.copy(),
        one.copy(),
    )
    batches = Batches(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros((0, 0, DICE)))
    best = BestWalk(one.copy(), at.copy(), slot.copy())
    walk_on(walk, options, choices, objective, batches, Undo.of(walk, 1), best, 1.0)


KEPT = Kept(walk_on, _call_once)
