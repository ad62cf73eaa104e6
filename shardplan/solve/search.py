"""Ruin and recreate: take a few items out of a placement, put each back where it fits best.

The items come from the slowest devices and from anywhere; each goes back over all its options and
places at once (``Inserter``), under a norm that hardens as the search proceeds. Worse states are
accepted while they are near the best, so that the search leaves local optima.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.insertion import Inserter
from shardplan.solve.state import UNPLACED, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from shardplan.solve.placement import Placement
    from shardplan.solve.problem import Problem

_REFRESH = 512
"""Iterations between recomputations of the sums, which drift as items come and go."""


@dataclass(frozen=True, slots=True)
class SearchParams:
    """How long and how boldly to search."""

    iterations: int = 4000
    log2_exponents: tuple[int, ...] = (4, 5, 6, 7)
    """The norm's exponents, softest first; each gets an equal share of the iterations."""
    largest_ruin: int = 6
    """The most items taken out at once."""
    threshold: float = 0.02
    """At first, states this much worse than the best (relatively) are accepted; falls to 0."""


@dataclass(slots=True)
class _Best:
    objective: float
    placement: Placement | None


def search(
    problem: Problem,
    start: State,
    candidates: list[NDArray[np.int64]],
    params: SearchParams,
    rng: np.random.Generator,
    should_stop: Callable[[float], bool],
) -> Placement | None:
    """The best placement found that fits, or None if none was.

    ``should_stop`` is asked often, with the best objective so far.
    """
    best = _Best(np.inf, None)
    _keep(best, start)
    per_exponent = max(1, params.iterations // len(params.log2_exponents))
    state = start
    for number, log2_exponent in enumerate(params.log2_exponents):
        if number and best.placement is not None:
            state = State.of(problem, best.placement)
        inserter = Inserter(
            problem, candidates, log2_exponent=log2_exponent,
            penalty_seconds=4.0 * max(state.objective(), 1e-12),
        )
        state = _descend(state, inserter, params, per_exponent, rng, best, should_stop)
        if should_stop(best.objective):
            break
    return best.placement


def _descend(
    state: State,
    inserter: Inserter,
    params: SearchParams,
    iterations: int,
    rng: np.random.Generator,
    best: _Best,
    should_stop: Callable[[float], bool],
) -> State:
    score = lowest = inserter.score_of(state)
    for iteration in range(iterations):
        if should_stop(best.objective):
            break
        if iteration % _REFRESH == _REFRESH - 1:
            state = State.of(state.problem, state.placement())
        items = _ruin(state, params.largest_ruin, rng)
        before = [(item, int(state.option[item]), state.targets[item]) for item in items]
        after = _recreate(state, inserter, items, rng)
        slack = params.threshold * (1.0 - iteration / iterations)
        if after is not None and after <= lowest + slack * abs(lowest):
            score = after
            lowest = min(lowest, score)
            _keep(best, state)
        else:
            _restore(state, before)
    return state


def _ruin(state: State, largest: int, rng: np.random.Generator) -> list[int]:
    """Items to take out: of the slowest devices of a few stages, and some from anywhere."""
    problem = state.problem
    count = int(rng.integers(1, min(largest, problem.item_count) + 1))
    chosen: dict[int, None] = {}
    stage = int(rng.integers(problem.stage_count))
    slowest = int(state.load[:, stage].argmax())
    on_slowest = _items_on(state, slowest)
    if len(on_slowest):
        take = min(len(on_slowest), max(1, count // 2))
        chosen.update(dict.fromkeys(rng.permutation(on_slowest)[:take].tolist()))
    while len(chosen) < count:
        chosen[int(rng.integers(problem.item_count))] = None
    return list(chosen)


def _items_on(state: State, device: int) -> NDArray[np.int64]:
    """The items with a unit on a device (those on every device left aside)."""
    problem = state.problem
    node = device // problem.devices_per_node
    return np.array([
        item for item, targets in enumerate(state.targets)
        if len(targets) and (
            device if problem.shape[state.option[item]] == 0 else node
        ) in targets
    ], dtype=np.int64)


def _recreate(
    state: State, inserter: Inserter, items: list[int], rng: np.random.Generator
) -> float | None:
    """Put the items back, in random order; the score after it, or None if one has no place."""
    for item in items:
        state.remove(item)
    for item in rng.permutation(items).tolist():
        insertion = inserter.best(state, item)
        if insertion is None:
            return None
        state.insert(item, insertion.option, insertion.targets)
    return inserter.score_of(state)


def _restore(state: State, before: Iterable[tuple[int, int, NDArray[np.int64]]]) -> None:
    before = list(before)
    for item, _, _ in before:
        if state.option[item] != UNPLACED:
            state.remove(item)
    for item, option, targets in before:
        state.insert(item, option, targets)


def _keep(best: _Best, state: State) -> None:
    objective = state.objective()
    if objective < best.objective and state.overflow() == 0.0:
        best.objective, best.placement = objective, state.placement()
