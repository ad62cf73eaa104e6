"""A placement made legal with as little as possible of it moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray


def moved_inside(
    problem: Problem, known: Placement, is_placed: NDArray[np.bool_]
) -> tuple[Placement, NDArray[np.bool_]]:
    """Put units that may not stay where they are on the emptiest places open to their item.

    A unit may not stay outside its domain, nor beside another item of an apart-group. Items whose
    units find no place are not placed; those that were not (I,) mean nothing, and stay so.
    """
    is_placed = is_placed.copy()
    targets = [known.targets_of(item) for item in range(problem.item_count)]
    weights = known.weights
    taken = [np.zeros(problem.device_count, dtype=bool) for _ in problem.apart]
    fullness = _fullness(problem, known)
    for item in np.flatnonzero(is_placed & (problem.shape[known.option] != Shape.ALL)).tolist():
        option = int(known.option[item])
        on_nodes = problem.shape[option] == Shape.NODE
        open_ = (problem.node_domains if on_nodes else problem.domains)[problem.domain[option]]
        groups = [number for number, group in enumerate(problem.apart) if item in group]
        for number in [] if on_nodes else groups:
            open_ = open_ & ~taken[number]
        full = fullness.reshape(problem.node_count, -1).max(axis=1) if on_nodes else fullness
        found = _moved(targets[item], open_, full, once=bool(groups))
        if found is None:
            is_placed[item] = False
            continue
        targets[item] = found
        for number in [] if on_nodes else groups:
            taken[number][found] = True
    return Placement(*_flat(known.option, targets), weights), is_placed


def _flat(
    option: NDArray[np.int64], targets: list[NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    plain = Placement.of(option, targets)
    return plain.option, plain.unit_offsets, plain.targets


def _fullness(problem: Problem, known: Placement) -> NDArray[np.float64]:
    """(D,): how full the fullest tier of each device is."""
    held = evaluate(problem, known).device_bytes / problem.device_capacity.clip(min=1.0)
    full: NDArray[np.float64] = held.max(axis=1, initial=0.0)
    return full


def _moved(
    targets: NDArray[np.int64],
    open_: NDArray[np.bool_],
    fullness: NDArray[np.float64],
    *,
    once: bool,
) -> NDArray[np.int64] | None:
    """The targets with those that are not open replaced; None where no place is left.

    ``once``: no place may hold two.
    """
    count = np.zeros(len(open_), dtype=np.int64)
    homeless = 0
    for place in targets.tolist():
        if open_[place] and not (once and count[place]):
            count[place] += 1
        else:
            homeless += 1
    for _ in range(homeless):
        usable = open_ & (count == 0) if once else open_
        if not usable.any():
            return None
        rank = np.lexsort((fullness, count, ~usable))
        count[rank[0]] += 1
    return np.repeat(np.arange(len(open_)), count)
