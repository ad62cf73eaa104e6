"""The best way to put one item back into a state: over all its options and all places at once.

The true objective is flat almost everywhere: only the slowest device of a stage counts. The search
therefore steers by a smooth stand-in, the p-norm over devices of each stage's load, which tends to
the maximum as p grows. Around the present state it is separable over devices, so that the k best
places for the k units of an option are the k devices with the least marginal cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.state import State

_LARGEST_RATIO = 3.9
"""Loads are cut off at this many times the reference, so that their 512th power stays finite."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """One way to put an item back."""

    option: int
    targets: NDArray[np.int64]
    score: float
    """The smooth objective after it, with the penalty for bytes over capacity; lower is better."""


class Inserter:
    """Finds insertions under one exponent of the norm and one weight of the memory penalty."""

    def __init__(
        self,
        problem: Problem,
        candidates: list[NDArray[np.int64]],
        *,
        log2_exponent: int = 5,
        penalty_seconds: float,
    ) -> None:
        """``candidates`` holds, per item, the options that may be tried.

        ``penalty_seconds`` is what a tier that is over by its whole capacity adds to the score.
        """
        self.problem = problem
        self.log2_exponent = log2_exponent
        self.penalty_seconds = penalty_seconds
        self.groups = [_by_shape(problem, options) for options in candidates]
        self._inverse_capacity = 1.0 / problem.device_capacity.clip(min=1.0)
        self._inverse_node_capacity = 1.0 / problem.node_capacity.clip(min=1.0)
        self._chains = np.zeros((len(problem.chain_seconds), problem.stage_count))
        self._chains[problem.chain_of_stage, np.arange(problem.stage_count)] = 1.0

    def best(self, state: State, item: int) -> Insertion | None:
        """The insertion with the lowest score, or None where no option has a legal place."""
        surface = _Surface(self, state)
        best: Insertion | None = None
        for shape, options in self.groups[item]:
            found = surface.try_options(item, shape, options)
            if found is not None and (best is None or found.score < best.score):
                best = found
        return best

    def score_of(self, state: State) -> float:
        """The score of a state in which every item is placed."""
        surface = _Surface(self, state)
        smooth = self.score(surface.total[None], surface.reference)[0]
        return float(smooth) + self.penalty_seconds * state.overflow()

    def score(self, norm_power: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[
        np.float64
    ]:
        """(n,): the smooth objective from (n, S) sums of powers of loads over ``reference``."""
        norm = reference * (norm_power / self.problem.device_count) ** (
            1.0 / (1 << self.log2_exponent))
        chains: NDArray[np.float64] = norm @ self._chains.T + self.problem.chain_seconds
        # The shorter chains count a little, so that they do not grow unseen.
        score: NDArray[np.float64] = chains.max(axis=1) + 1e-3 * chains.sum(axis=1)
        return score


def _by_shape(
    problem: Problem, options: NDArray[np.int64]
) -> list[tuple[Shape, NDArray[np.int64]]]:
    return [
        (shape, chosen) for shape in Shape
        if len(chosen := options[problem.shape[options] == shape])
    ]


class _Surface:
    """The smooth objective around one state, with one item taken out of it."""

    def __init__(self, inserter: Inserter, state: State) -> None:
        self.inserter, self.state, self.problem = inserter, state, inserter.problem
        ceiling = state.load.max(axis=0)
        floor = state.load.mean(axis=0)
        self.reference = np.where(ceiling > 0, np.maximum(ceiling, floor), 1.0)
        self.ratio = state.load / self.reference
        self.power = _raise(self.ratio.copy(), inserter.log2_exponent)
        self.total = self.power.sum(axis=0)
        exponent = 1 << inserter.log2_exponent
        root = np.maximum(self.total, 1e-300) ** (1.0 / exponent - 1.0)
        self.gradient = self.reference * np.minimum(root, 1e6)
        room = state.problem.device_capacity - state.device_bytes
        self.room = room * inserter._inverse_capacity
        self.node_room = (
            state.problem.node_capacity - state.node_bytes
        ) * inserter._inverse_node_capacity

    def try_options(
        self, item: int, shape: Shape, options: NDArray[np.int64]
    ) -> Insertion | None:
        growth = self._growth(options)
        memory = self._memory_penalty(options, shape)
        if shape == Shape.ALL:
            return self._everywhere(options, growth.sum(axis=1), memory)
        marginal = growth @ self.gradient
        if shape == Shape.NODE:
            nodes, per_node = self.problem.node_count, self.problem.devices_per_node
            growth = growth.reshape(len(options), nodes, per_node, -1).sum(axis=2)
            marginal = marginal.reshape(len(options), nodes, per_node).sum(axis=2)
        marginal = marginal + memory
        marginal[~self._open(item, shape, options)] = np.inf
        return self._choose(options, growth, marginal, memory)

    def _growth(self, options: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, D, S): by how much a unit on a device raises the sum of powers."""
        unit = self.problem.load_seconds[options] / self.reference
        raised = np.minimum(self.ratio[None] + unit[:, None], _LARGEST_RATIO)
        growth: NDArray[np.float64] = _raise(raised, self.inserter.log2_exponent) - self.power
        return growth

    def _memory_penalty(
        self, options: NDArray[np.int64], shape: Shape
    ) -> NDArray[np.float64]:
        """(n, places): the weighted share by which a unit puts tiers over capacity."""
        problem, weight = self.problem, self.inserter.penalty_seconds
        need = problem.device_bytes[options][:, None] * self.inserter._inverse_capacity
        over = _hinge(need, self.room)
        node_need = problem.node_bytes[options][:, None] * self.inserter._inverse_node_capacity
        node_over = _hinge(node_need, self.node_room)
        if shape == Shape.DEVICE:
            node_over = np.repeat(node_over, problem.devices_per_node, axis=1)
        elif shape == Shape.NODE:
            over = over.reshape(len(options), problem.node_count, -1).sum(axis=2)
        else:
            over, node_over = over.sum(axis=1), node_over.sum(axis=1)
        return weight * (over + node_over)

    def _open(
        self, item: int, shape: Shape, options: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(n, places): where the domain and the apart-groups let a unit land."""
        allowed = self.problem.domains[self.problem.domain[options]]
        group = self.state.group_of[item]
        if group >= 0:
            allowed = allowed & (self.state.held[:, group] == 0)
        if shape == Shape.NODE:
            allowed = allowed.reshape(
                len(options), self.problem.node_count, self.problem.devices_per_node).all(axis=2)
        return allowed

    def _everywhere(
        self,
        options: NDArray[np.int64],
        growth: NDArray[np.float64],
        memory: NDArray[np.float64],
    ) -> Insertion | None:
        score = self.inserter.score(self.total + growth, self.reference) + memory
        best = int(score.argmin())
        return Insertion(int(options[best]), np.zeros(0, np.int64), float(score[best]))

    def _choose(
        self,
        options: NDArray[np.int64],
        growth: NDArray[np.float64],
        marginal: NDArray[np.float64],
        memory: NDArray[np.float64],
    ) -> Insertion | None:
        """Each option's units on its cheapest places, then the option with the lowest score."""
        order = np.argsort(marginal, axis=1, kind="stable")
        open_places = np.isfinite(marginal).sum(axis=1)
        rounds, rest = np.divmod(self.problem.units[options], np.maximum(open_places, 1))
        rank = np.arange(marginal.shape[1])
        # More units than places: full rounds over all open places, the rest on the cheapest.
        count = rounds[:, None] * (rank < open_places[:, None]) + (rank < rest[:, None])
        ranked_growth = np.take_along_axis(growth, order[:, :, None], axis=1)
        total = self.total + (ranked_growth * count[:, :, None]).sum(axis=1)
        score = self.inserter.score(total, self.reference)
        score = score + (np.take_along_axis(memory, order, axis=1) * count).sum(axis=1)
        score[open_places == 0] = np.inf
        best = int(score.argmin())
        if not open_places[best]:
            return None
        targets = np.sort(np.repeat(order[best], count[best]))
        return Insertion(int(options[best]), targets.astype(np.int64), float(score[best]))


def _raise(base: NDArray[np.float64], log2_exponent: int) -> NDArray[np.float64]:
    """``base ** (2 ** log2_exponent)``, in place."""
    for _ in range(log2_exponent):
        np.multiply(base, base, out=base)
    return base


def _hinge(need: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, places): by how much more than before tiers are over, summed over tiers."""
    over: NDArray[np.float64] = (
        np.maximum(need - room, 0.0) - np.maximum(-room, 0.0)
    ).sum(axis=2)
    return over
