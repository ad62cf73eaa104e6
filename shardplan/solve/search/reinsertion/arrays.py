"""What a walk of reinsertions reads and changes, as arrays that compiled code takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

NOWHERE = -1
DEVICE, NODE, ALL = int(Shape.DEVICE), int(Shape.NODE), int(Shape.ALL)
DICE = 10
"""Random numbers of a move: how many items, by how much it may be worse, and four for each of two
items: which one, as which option, and the first place and the stride of those that are tried."""


class Choices(NamedTuple):
    """Which items may move, as what, and where to."""

    shape: NDArray[np.int64]
    """(O,)"""
    item: NDArray[np.int64]
    """(n,): those that may."""
    options: NDArray[np.int64]
    first: NDArray[np.int64]
    many: NDArray[np.int64]
    """(I,): an item may take so ``many`` of the ``options``, from ``first`` on."""
    open_devices: NDArray[np.bool_]
    """(domains, D)"""
    open_nodes: NDArray[np.bool_]
    """(domains, N)"""

    @classmethod
    def of(cls, problem: Problem, allowed: NDArray[np.bool_]) -> Self:
        """Those ``allowed`` (O,); items that are to be apart from others stay where they are."""
        options = np.flatnonzero(allowed)
        many = np.bincount(problem.item_of_option[options], minlength=problem.item_count)
        return cls(
            problem.shape.astype(np.int64),
            np.flatnonzero(~problem.is_apart & (many > 0)),
            options,
            np.cumsum(many) - many,
            many,
            np.array(problem.domains, order="C"),
            np.array(problem.node_domains, order="C"),
        )


class Walk(NamedTuple):
    """A placement that changes, and its sums."""

    option: NDArray[np.int64]
    """(I,)"""
    slot: NDArray[np.int64]
    """(I, most units): places, devices or nodes by the shape of the option, then ``NOWHERE``."""
    load: NDArray[np.float64]
    """(D, S)"""
    device_bytes: NDArray[np.float64]
    """(D, T)"""
    node_bytes: NDArray[np.float64]
    """(N, U)"""
    uses: NDArray[np.int32]
    """(G,): how many items are in each group that is charged for."""
    power: NDArray[np.float64]
    """(D, S): powers of the loads in units of the references."""
    total: NDArray[np.float64]
    """(S,): sums of the powers."""
    reference: NDArray[np.float64]
    """(S,): seconds."""
    slope: NDArray[np.float64]
    """(S,): seconds of the objective for each unit of the sum of powers."""
    over: NDArray[np.float64]
    """(1,): bytes over capacity, each relative to its capacity."""

    @classmethod
    def of(cls, problem: Problem, start: Placement, allowed: NDArray[np.bool_]) -> Self:
        """Of a placement, with room for the units of all ``allowed`` (O,) options."""
        units = np.diff(start.unit_offsets)
        most = max(int(units.max(initial=0)), int(problem.units[allowed].max(initial=0)))
        slot = np.full((problem.item_count, most), NOWHERE)
        item = np.repeat(np.arange(problem.item_count), units)
        slot[item, np.arange(len(item)) - start.unit_offsets[item]] = start.targets
        state, stages = evaluate(problem, start), problem.stage_count
        return cls(
            start.option.copy(),
            slot,
            np.array(state.load_seconds, order="C"),
            np.array(state.device_bytes, order="C"),
            np.array(state.node_bytes, order="C"),
            problem.objective.uses(start.option),
            np.zeros((problem.device_count, stages)),
            np.zeros(stages),
            np.ones(stages),
            np.zeros(stages),
            np.zeros(1),
        )


class Undo(NamedTuple):
    """What a move has changed, as it was before."""

    filled: NDArray[np.int64]
    """(2,): entries of devices, and of nodes."""
    device: NDArray[np.int64]
    load: NDArray[np.float64]
    power: NDArray[np.float64]
    device_bytes: NDArray[np.float64]
    """(entries, ...)"""
    node: NDArray[np.int64]
    node_bytes: NDArray[np.float64]
    """(entries, ...)"""
    total: NDArray[np.float64]
    over: NDArray[np.float64]
    uses: NDArray[np.int32]
    item: NDArray[np.int64]
    """(2,): the items that were taken out."""
    option: NDArray[np.int64]
    """(2,)"""
    slot: NDArray[np.int64]
    """(2, most units)"""

    @classmethod
    def of(cls, walk: Walk, width: int) -> Self:
        """Room for the largest move, of items whose units land on at most ``width`` devices."""
        (devices, stages), most = walk.load.shape, max(1, walk.slot.shape[1])
        entries, nodes = 4 * most * width + 4 * devices, 4 * most + 4 * len(walk.node_bytes)
        return cls(
            np.zeros(2, dtype=np.int64),
            np.zeros(entries, dtype=np.int64),
            np.zeros((entries, stages)),
            np.zeros((entries, stages)),
            np.zeros((entries, walk.device_bytes.shape[1])),
            np.zeros(nodes, dtype=np.int64),
            np.zeros((nodes, walk.node_bytes.shape[1])),
            np.zeros(stages),
            np.zeros(1),
            np.zeros(walk.uses.size, dtype=np.int32),
            np.zeros(2, dtype=np.int64),
            np.zeros(2, dtype=np.int64),
            np.zeros((2, walk.slot.shape[1]), dtype=np.int64),
        )


class Batches(NamedTuple):
    """K batches of moves, each at a temperature and an exponent."""

    heat: NDArray[np.float64]
    """(K,): seconds."""
    squarings: NDArray[np.int64]
    """(K,): of the exponent the logarithm to the base 2."""
    dice: NDArray[np.float64]
    """(K, moves, DICE): between 0 and 1, but the second of a move is exponential."""


class BestWalk(NamedTuple):
    """The best placement that fits."""

    objective: NDArray[np.float64]
    """(1,): seconds."""
    option: NDArray[np.int64]
    slot: NDArray[np.int64]
