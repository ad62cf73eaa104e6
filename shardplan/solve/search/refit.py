"""The best place for one item while all others stay where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement, device_counts, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.problem.variants import without

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Refit:
    """A placement in which one item has another option or other places."""

    placement: Placement
    objective: float
    fits: bool
    """False where no way to place the item leaves all memory within its capacity."""


def refit(problem: Problem, placement: Placement, item: int) -> Refit | None:
    """Try every option of ``item``; what ``placement`` says of it does not matter.

    Of options with several units each is put, one after the other, where it adds least. Where
    nothing fits, the way with the fewest bytes over capacity; None where no place is allowed.
    """
    board = _Board.without(problem, placement, item)
    best: tuple[tuple[float, float], int, NDArray[np.int64]] | None = None
    for option in problem.options_of(item):
        targets = board.place(option)
        if targets is None:
            continue
        trial = _with(problem, placement, item, option, targets)
        state = evaluate(problem, trial)
        over = _bytes_over(problem, state.device_bytes, state.node_bytes)
        if best is None or (over, state.objective) < best[0]:
            best = (over, state.objective), option, targets
    if best is None:
        return None
    (over, objective), option, targets = best
    return Refit(_with(problem, placement, item, option, targets), objective, over == 0)


def _with(
    problem: Problem, placement: Placement, item: int, option: int, targets: NDArray[np.int64]
) -> Placement:
    """The placement with another option and other targets for one item, unmixed."""
    first, end = placement.unit_offsets[item : item + 2].tolist()
    chosen = placement.option.copy()
    chosen[item] = option
    offsets = placement.unit_offsets.copy()
    offsets[item + 1 :] += len(targets) - (end - first)
    parts = (placement.targets[:first], np.sort(targets), placement.targets[end:])
    weights = placement.weights
    if weights is not None:
        weights = np.where(problem.item_of_option == item, 0.0, weights)
        weights[option] = 1.0
    return Placement(chosen, offsets, np.concatenate(parts), weights)


def _bytes_over(
    problem: Problem, device_bytes: NDArray[np.float64], node_bytes: NDArray[np.float64]
) -> float:
    over = (device_bytes - problem.device_capacity).clip(min=0).sum()
    return float(over + (node_bytes - problem.node_capacity).clip(min=0).sum())


@dataclass(frozen=True, slots=True)
class _Board:
    """What all other items leave: loads, bytes, and the devices that are open."""

    problem: Problem
    load: NDArray[np.float64]
    device_bytes: NDArray[np.float64]
    node_bytes: NDArray[np.float64]
    is_open: NDArray[np.bool_]
    """(D,): devices without a part of what must be apart from the item."""
    is_apart: bool

    @classmethod
    def without(cls, problem: Problem, placement: Placement, item: int) -> _Board:
        bare = without(problem, np.arange(problem.item_count) == item)
        # Its first option stands for the item: of any shape it adds nothing now.
        first = problem.options_of(item)[0]
        others = _with(problem, placement, item, first, np.zeros(0, np.int64))
        state = evaluate(bare, others)
        groups = [group[group != item] for group in problem.apart if item in group]
        is_open = np.ones(problem.device_count, dtype=bool)
        if groups:
            is_open = device_counts(problem, others)[np.concatenate(groups)].sum(axis=0) == 0
        return cls(
            problem, state.load_seconds, state.device_bytes, state.node_bytes, is_open, bool(groups)
        )

    def place(self, option: int) -> NDArray[np.int64] | None:
        """Targets for all units of an option; None where one has no place that is allowed."""
        problem = self.problem
        shape = Shape(problem.shape[option])
        if shape is Shape.ALL:
            return np.zeros(0, np.int64) if self.is_open.all() else None
        size = 1 if shape is Shape.DEVICE else problem.devices_per_node
        is_open = self.is_open & problem.domains[problem.domain[option]]
        free = is_open.reshape(-1, size).all(axis=1)
        load, held, shared = self.load.copy(), self.device_bytes.copy(), self.node_bytes.copy()
        targets: list[int] = []
        for _ in range(int(problem.units[option])):
            if not free.any():
                return None
            target = self._best(option, size, free, load, held, shared)
            devices = slice(target * size, (target + 1) * size)
            node = target * size // problem.devices_per_node
            load[devices] += problem.own_seconds[option]
            held[devices] += problem.device_bytes[option]
            shared[node] += problem.node_bytes[option]
            if problem.has_spill:
                by_node = load.reshape(problem.node_count, -1, problem.stage_count)
                by_node[node] += problem.spill_seconds[option]
            targets.append(target)
            if self.is_apart:
                free[target] = False
        return np.array(targets, dtype=np.int64)

    def _best(
        self,
        option: int,
        size: int,
        free: NDArray[np.bool_],
        load: NDArray[np.float64],
        held: NDArray[np.float64],
        shared: NDArray[np.float64],
    ) -> int:
        """Where a unit adds least: bytes over capacity first, then the objective, then load."""
        problem = self.problem
        after = (load + problem.load_seconds[option]).reshape(-1, size, problem.stage_count)
        slowest = np.maximum(after.max(axis=1), load.max(axis=0))
        node = np.arange(len(slowest)) * size // problem.devices_per_node
        if problem.has_spill:
            by_node = load.reshape(problem.node_count, -1, problem.stage_count).max(axis=1)
            slowest = np.maximum(slowest, (by_node + problem.spill_seconds[option])[node])
        chains = problem.objective.chains(slowest)
        over = (held + problem.device_bytes[option] - problem.device_capacity).clip(min=0)
        over = over.sum(axis=1).reshape(-1, size).sum(axis=1)
        on_node = (shared + problem.node_bytes[option] - problem.node_capacity).clip(min=0)
        over += on_node.sum(axis=1)[node]
        order = np.lexsort((after.sum(axis=(1, 2)), chains.max(axis=1), over, ~free))
        return int(order[0])
