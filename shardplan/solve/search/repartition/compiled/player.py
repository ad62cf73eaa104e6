"""A round of repartition, one number at a time: what ``ArrayRounds`` does, to the same bits."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.compiling.jit import Kept, compiled, inlined, inner
from shardplan.solve.search.repartition.array_loops import NOWHERE
from shardplan.solve.search.repartition.chance import noise_levels
from shardplan.solve.search.repartition.compiled.arrays import (
    AFTER,
    AT,
    BEFORE,
    COLUMNS,
    FIRST,
    NEW,
    OLD,
    ROW,
    BestArrays,
    Chance,
    Level,
    Objective,
    Options,
    Schedule,
    State,
)
from shardplan.solve.search.repartition.compiled.draws import draw_changes
from shardplan.solve.search.repartition.compiled.objective import seconds_of, weights_of
from shardplan.solve.search.repartition.compiled.pairs import choose_changes

__all__ = ["KEPT", "CompiledRounds"]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shardplan.solve.search.repartition.rounds import Best, Round, RoundsTask

    Ints = NDArray[np.int64]


@inner
def _add(
    sums: NDArray[np.float64], first: int, width: int, often: float, more: NDArray[np.float64]
) -> None:
    for place in range(first, first + width):
        for kind in range(more.size):
            sums[place, kind] += often * more[kind]


@inner
def _shift(
    state: State,
    options: Options,
    level: Level,
    copy: int,
    place: Ints,
    option: Ints,
    count: Ints,
    sign: float,
) -> None:
    """See ``Copies.shift``, of which this has the order."""
    load, width, each = state.load[copy], level.width, options.devices_per_node
    for number in range(place.size):
        often, of, first = sign * count[number], option[number], place[number] * width
        _add(load, first, width, often, options.own_seconds[of])
        _add(state.device_bytes[copy], first, width, often, options.device_bytes[of])
        _add(state.node_bytes[copy], first // each, 1, often, options.node_bytes[of])
    for number in range(place.size if options.has_spill else 0):
        often, first = sign * count[number], place[number] * width // each * each
        _add(load, first, each, often, options.spill_seconds[option[number]])


@inner
def _put_into_slots(own: Ints, change: Ints, places: Ints, units: int) -> None:
    """See ``put_into_slots``: of one row."""
    if change[AT] != NOWHERE:
        own[change[AT]] = places[1 if change[AFTER + 1] > change[AFTER] else 0]
        return
    for nth in range(own.size):
        own[nth] = places[(change[FIRST] + nth) % 2] if nth < units else NOWHERE


@inner
def _make(
    state: State, options: Options, level: Level, copy: int, made: Ints, places_of: Ints
) -> None:
    """Make changes (n, COLUMNS) between the places (n, 2) of their pairs."""
    for side in range(2):
        place, before, after = places_of[:, side], made[:, BEFORE + side], made[:, AFTER + side]
        _shift(state, options, level, copy, place, made[:, OLD], before, -1.0)
        _shift(state, options, level, copy, place, made[:, NEW], after, 1.0)
    load = state.load[copy]
    for device in range(load.shape[0]):
        for stage in range(load.shape[1]):
            load[device, stage] = max(load[device, stage], 0.0)
    for number in range(len(made)):
        change = made[number]
        row, old, new = change[ROW], change[OLD], change[NEW]
        if change[AT] == NOWHERE:
            for group in range(options.groups.shape[1]):
                more = np.int32(options.groups[new, group])
                state.uses[copy, group] += more - np.int32(options.groups[old, group])
            state.option[copy, row] = new
        _put_into_slots(state.slot[copy, row], change, places_of[number], options.units[new])


@inlined
def _make_round(
    state: State,
    options: Options,
    objective: Objective,
    level: Level,
    chance: Chance,
    squarings: int,
    largest: np.float32,
    heat: np.float32,
    most: int,
) -> None:
    copies, places = chance.order.shape
    made = np.empty((places // 2 * most, COLUMNS), np.int64)
    places_of = np.empty((len(made), 2), np.int64)
    for copy in range(copies):
        weights = weights_of(
            state.load[copy], state.uses[copy], objective, squarings, largest, heat
        )
        changes, count = draw_changes(state, options, level, chance, copy, most)
        chosen = choose_changes(state, options, level, weights, chance, copy, changes, count)
        taken = 0
        for pair in range(len(count)):
            for number in range(count[pair]):
                if (chosen[pair] >> number) & 1:
                    for column in range(COLUMNS):
                        made[taken, column] = changes[pair, number, column]
                    for side in range(2):
                        places_of[taken, side] = chance.order[copy, 2 * pair + side]
                    taken += 1
        _make(state, options, level, copy, made[:taken], places_of[:taken])


@inner
def _fits(sums: NDArray[np.float64], capacity: NDArray[np.float64]) -> bool:
    for place in range(sums.shape[0]):
        for tier in range(sums.shape[1]):
            if sums[place, tier] > capacity[place, tier]:
                return False
    return True


@inner
def _take_better(state: State, options: Options, objective: Objective, best: BestArrays) -> None:
    """Keep the best of the copies, if it is better than what is known and fits."""
    least, found = np.inf, 0
    for copy in range(len(state.load)):
        seconds = seconds_of(state.load[copy], state.uses[copy], objective)
        if seconds < least:
            least, found = seconds, copy
    if not (
        least < best.objective[0]
        and _fits(state.device_bytes[found], options.device_capacity)
        and _fits(state.node_bytes[found], options.node_capacity)
    ):
        return
    best.objective[0] = least
    for row in range(best.option.size):
        best.option[row] = state.option[found, row]
        for at in range(best.slot.shape[1]):
            best.slot[row, at] = state.slot[found, row, at]


@compiled
def _play(
    state: State,
    options: Options,
    objective: Objective,
    level: Level,
    schedule: Schedule,
    best: BestArrays,
    most: int,
) -> None:
    for number in range(schedule.key.size):
        chance = Chance(schedule.order[number], schedule.key[number], schedule.levels)
        squarings, largest = schedule.squarings[number], schedule.largest[number]
        heat = schedule.heat[number]
        _make_round(state, options, objective, level, chance, squarings, largest, heat, most)
        _take_better(state, options, objective, best)


class CompiledRounds:
    """See ``Rounds``; of a search for the least objective alone."""

    def __init__(self, task: RoundsTask) -> None:
        if task.measure is not None:
            raise ValueError("compiled rounds know of no other measure than the objective")
        copies = self._copies = task.copies
        self._most = task.most
        self._state, self._options = State.of(copies), Options.of(copies.problem)
        self._objective = Objective.of(copies.problem, task.overflow_price)
        self._levels = {
            shape: Level.of(copies, task.draws, shape) for shape in (Shape.DEVICE, Shape.NODE)
        }

    def play(self, rounds: Sequence[Round], best: Best, should_stop: Callable[[], bool]) -> None:
        """See ``Rounds``; once begun, those of one shape in a row are made."""
        _, rows, slots = self._copies.slot.shape
        for shape, some in groupby(rounds, key=attrgetter("shape")):
            if should_stop():
                return
            found = BestArrays(
                np.array([best.value]), np.empty(rows, np.int64), np.empty((rows, slots), np.int64)
            )
            _play(
                self._state,
                self._options,
                self._objective,
                self._levels[shape],
                Schedule.of(list(some)),
                found,
                self._most,
            )
            if found.objective[0] < best.value:
                best.value, best.option, best.slot = float(found.objective[0]), *found[1:]


def _call_once() -> None:
    """One unit between two devices."""
    one, at = np.ones((1, 1)), np.zeros(1, dtype=np.int64)
    slot, load = np.zeros((1, 1, 1), dtype=np.int64), np.ones((1, 2, 1))
    yes, floats = np.ones((1, 2), dtype=np.bool_), np.ones(1, dtype=np.float32)
    state = State(slot[0], slot, load, load.copy(), load.copy(), np.zeros((1, 1), dtype=np.int32))
    options = Options(at, one, one, one, one, one, load[0], load[0], at, yes[:, :1].copy(), True, 1)
    objective = Objective(yes[:, :1].copy(), one[0], one, 1.0)
    level = Level(True, 1, yes[0, :1], yes[0, :1], at, at, at, yes)
    key = np.zeros(1, dtype=np.uint64)
    order = np.arange(2).reshape(1, 1, 2)
    schedule = Schedule(at, floats, floats, order, key, noise_levels())
    best = BestArrays(one[0].copy(), at.copy(), slot[0].copy())
    _play(state, options, objective, level, schedule, best, 1)


KEPT = Kept(_play, _call_once)
