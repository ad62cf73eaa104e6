"""What compiled rounds read and change: arrays of ``Copies``, of the problem and of rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.repartition.chance import noise_levels
from shardplan.solve.search.repartition.pair_objective import largest_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.repartition.copies import Copies
    from shardplan.solve.search.repartition.pair_changes import ChangeDraws
    from shardplan.solve.search.repartition.rounds import Round

ROW, AT, OLD, NEW, FIRST, BEFORE, AFTER = 0, 1, 2, 3, 4, 5, 7
"""Columns of a change: the fields of ``PairChanges``, of which the last two have two columns."""
COLUMNS = 9


class State(NamedTuple):
    """The arrays of ``Copies`` themselves, which a round changes."""

    option: NDArray[np.int64]
    slot: NDArray[np.int64]
    load: NDArray[np.float64]
    device_bytes: NDArray[np.float64]
    node_bytes: NDArray[np.float64]
    uses: NDArray[np.int32]

    @classmethod
    def of(cls, copies: Copies) -> Self:
        """No copies of them."""
        return cls(
            copies.option,
            copies.slot,
            copies.load,
            copies.device_bytes,
            copies.node_bytes,
            copies.uses,
        )


class Options(NamedTuple):
    """What units of each option bring, and where they fit; as in ``Problem``."""

    units: NDArray[np.int64]
    load_seconds: NDArray[np.float64]
    own_seconds: NDArray[np.float64]
    spill_seconds: NDArray[np.float64]
    device_bytes: NDArray[np.float64]
    node_bytes: NDArray[np.float64]
    device_capacity: NDArray[np.float64]
    node_capacity: NDArray[np.float64]
    domain: NDArray[np.int64]
    groups: NDArray[np.bool_]
    """(O, G): the groups with a charge that an option belongs to."""
    has_spill: bool
    devices_per_node: int

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Copies of them, all laid out alike, so that one compilation serves."""
        charges = problem.objective.charges
        groups = np.zeros((problem.option_count, 0), dtype=np.bool_)
        return cls(
            np.array(problem.units, dtype=np.int64),
            _floats(problem.load_seconds),
            _floats(problem.own_seconds),
            _floats(problem.spill_seconds),
            _floats(problem.device_bytes),
            _floats(problem.node_bytes),
            _floats(problem.device_capacity),
            _floats(problem.node_capacity),
            np.array(problem.domain, dtype=np.int64),
            groups if charges is None else np.array(charges.of_option, order="C"),
            problem.has_spill,
            problem.devices_per_node,
        )


class Level(NamedTuple):
    """What may change between places of one kind: devices or nodes."""

    is_device: bool
    width: int
    """Devices of a place."""
    is_option: NDArray[np.bool_]
    """(O,): options whose units land on such places."""
    is_free: NDArray[np.bool_]
    """(rows,)"""
    alternatives: NDArray[np.int64]
    first: NDArray[np.int64]
    many: NDArray[np.int64]
    """(rows,): a row may take so ``many`` of the ``alternatives``, from ``first`` on."""
    is_open: NDArray[np.bool_]
    """(domains, places)"""

    @classmethod
    def of(cls, copies: Copies, draws: ChangeDraws, shape: Shape) -> Self:
        """Of all changes that may be drawn."""
        problem, alternatives = copies.problem, draws.alternatives[shape]
        is_device = shape is Shape.DEVICE
        return cls(
            is_device,
            1 if is_device else problem.devices_per_node,
            problem.shape == shape,
            draws.free,
            alternatives.options,
            alternatives.start,
            alternatives.count,
            np.array(draws.open[shape], order="C"),
        )


class Objective(NamedTuple):
    """As in ``ChainObjective`` and its charges."""

    in_chain: NDArray[np.bool_]
    chain_seconds: NDArray[np.float64]
    charge_seconds: NDArray[np.float64]
    overflow_price: float

    @classmethod
    def of(cls, problem: Problem, overflow_price: float) -> Self:
        """Without charges, there are none of no group."""
        objective, stages = problem.objective, problem.stage_count
        charges = objective.charges
        return cls(
            np.array(objective.in_chain, dtype=np.bool_, order="C"),
            np.array(objective.chain_seconds, dtype=np.float64),
            np.array(np.zeros((0, stages)) if charges is None else charges.seconds, order="C"),
            overflow_price,
        )


class Weights(NamedTuple):
    """What ``PairObjective`` makes of the state of a copy, and how hot it is."""

    reference: NDArray[np.float64]
    """(S,)"""
    slope: NDArray[np.float32]
    """(S,)"""
    charge: NDArray[np.float64]
    """(G,)"""
    price: np.float32
    largest: np.float32
    squarings: int
    heat: np.float32


class Chance(NamedTuple):
    """The dice of a round."""

    order: NDArray[np.int64]
    key: np.uint64
    levels: NDArray[np.float32]


class Schedule(NamedTuple):
    """K rounds, one after the other, on places of one shape."""

    squarings: NDArray[np.int64]
    """(K,)"""
    largest: NDArray[np.float32]
    """(K,)"""
    heat: NDArray[np.float32]
    """(K,)"""
    order: NDArray[np.int64]
    """(K, R, places)"""
    key: NDArray[np.uint64]
    """(K,)"""
    levels: NDArray[np.float32]
    """Of noise."""

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> Self:
        """Of rounds of one shape."""
        return cls(
            np.array([each.log2_exponent for each in rounds], dtype=np.int64),
            np.array([largest_ratio(each.log2_exponent) for each in rounds], dtype=np.float32),
            np.array([each.heat_seconds for each in rounds], dtype=np.float32),
            np.array([each.dice.order for each in rounds]),
            np.array([each.dice.key for each in rounds], dtype=np.uint64),
            noise_levels(),
        )


class BestArrays(NamedTuple):
    """The best placement, whose objective is below that of all before."""

    objective: NDArray[np.float64]
    """(1,): seconds."""
    option: NDArray[np.int64]
    """(rows,)"""
    slot: NDArray[np.int64]
    """(rows, slots)"""


def _floats(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64, order="C")
