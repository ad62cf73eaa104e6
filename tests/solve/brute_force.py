"""Every placement of a small problem, tried one by one: what the solvers are held against.

Written from the docstring of ``Problem`` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations, product
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem

INFINITY = float("inf")

Way = tuple[int, tuple[int, ...]]
"""An option and, in rising order, the devices or nodes that its units land on."""


@dataclass(frozen=True)
class Best:
    """The way of each item, and the seconds of the longest chain."""

    ways: tuple[Way, ...]
    objective: float


def solve_by_force(problem: Problem, below: float = INFINITY) -> Best | None:
    """The best placement of all that cost less than ``below``; None where there is none."""
    return _Search(problem, below).run()


def objective_by_hand(problem: Problem, placement: Placement) -> float | None:
    """What a placement costs; None where it breaks any rule of the problem."""
    total = _Load.empty(problem)
    for item, option in enumerate(placement.option.tolist()):
        way = (option, tuple(placement.targets_of(item).tolist()))
        if way not in set(ways_of(problem, item)):
            return None
        total.add(problem, item, way)
    return total.objective(problem) if total.is_legal(problem) else None


def ways_of(problem: Problem, item: int) -> Iterator[Way]:
    """Every way to place one item."""
    each = problem.device_count // problem.node_count
    for option in problem.options_of(item):
        open_ = problem.domains[problem.domain[option]].tolist()
        if problem.shape[option] == Shape.ALL:
            if all(open_):
                yield option, ()
            continue
        if problem.shape[option] == Shape.NODE:
            open_ = [all(open_[n * each : (n + 1) * each]) for n in range(problem.node_count)]
        legal = [place for place, is_open in enumerate(open_) if is_open]
        for targets in combinations_with_replacement(legal, int(problem.units[option])):
            yield option, targets


def renamings_of(problem: Problem) -> Iterator[tuple[int, ...]]:
    """New names of all devices, by device, that change nothing: none where devices differ."""
    each = problem.device_count // problem.node_count
    capacities = (problem.device_capacity, problem.node_capacity)
    if not problem.domains.all() or any((rows != rows[0]).any() for rows in capacities):
        return
    for nodes in permutations(range(problem.node_count)):
        for inside in product(permutations(range(each)), repeat=problem.node_count):
            yield tuple(
                node * each + device
                for node, devices in zip(nodes, inside, strict=True)
                for device in devices
            )


def renamed(problem: Problem, way: Way, names: tuple[int, ...]) -> Way:
    """The same way where devices have other names, as ``renamings_of`` gives them."""
    option, targets = way
    if problem.shape[option] == Shape.NODE:
        each = problem.device_count // problem.node_count
        return option, tuple(sorted(names[node * each] // each for node in targets))
    return option, tuple(sorted(names[device] for device in targets))


@dataclass(frozen=True)
class _Load:
    """What lies on each device and node."""

    seconds: np.ndarray
    device_bytes: np.ndarray
    node_bytes: np.ndarray
    held: np.ndarray
    """(D, groups): units of each group of items to be kept apart."""
    uses: np.ndarray
    """(G,): items whose option is in each group that is charged for once."""

    @classmethod
    def empty(cls, problem: Problem) -> _Load:
        return cls(
            np.zeros((problem.device_count, problem.stage_count)),
            np.zeros(problem.device_capacity.shape),
            np.zeros(problem.node_capacity.shape),
            np.zeros((problem.device_count, len(problem.apart))),
            np.zeros(len(_charge_seconds(problem))),
        )

    def add(self, problem: Problem, item: int, way: Way) -> None:
        option, targets = way
        if problem.objective.charges is not None:
            self.uses[:] += problem.objective.charges.of_option[option]
        each = problem.device_count // problem.node_count
        landings = [([device], [device // each]) for device in targets]
        if problem.shape[option] == Shape.DEVICE and problem.has_spill:
            for device in targets:
                first = device - device % each
                for other in {*range(first, first + each)} - {device}:
                    self.seconds[other] += problem.spill_seconds[option]
        if problem.shape[option] == Shape.NODE:
            landings = [(range(n * each, (n + 1) * each), [n]) for n in targets]
        if problem.shape[option] == Shape.ALL:
            landings = [(range(problem.device_count), range(problem.node_count))]
        groups = [item in group.tolist() for group in problem.apart]
        for devices, nodes in landings:
            for device in devices:
                self.seconds[device] += problem.load_seconds[option]
                self.device_bytes[device] += problem.device_bytes[option]
                self.held[device] += groups
            for node in nodes:
                self.node_bytes[node] += problem.node_bytes[option]

    def is_legal(self, problem: Problem) -> bool:
        return bool(
            (self.device_bytes <= problem.device_capacity).all()
            and (self.node_bytes <= problem.node_capacity).all()
            and (self.held <= 1).all()
        )

    def objective(self, problem: Problem) -> float:
        chains = problem.objective.chain_seconds.tolist()
        for stage, chain in np.argwhere(problem.objective.in_chain).tolist():
            chains[chain] += max(self.seconds[:, stage].tolist())
            for uses, seconds in zip(self.uses, _charge_seconds(problem), strict=True):
                chains[chain] += seconds[stage] if uses else 0.0
        return float(max(chains))


def _charge_seconds(problem: Problem) -> np.ndarray:
    """(G, S): what each group that is charged for adds to each stage."""
    charges = problem.objective.charges
    return np.zeros((0, problem.stage_count)) if charges is None else charges.seconds


class _Search:
    """Depth first over the items, all ways of an item at once.

    A branch ends where it is illegal, and where it could not get better than the best even if the
    least work of the items to come were spread evenly; both only grow as items are added. Of the
    first item's ways that differ by the names of equal devices, one is tried.
    """

    def __init__(self, problem: Problem, below: float) -> None:
        self.problem, self.best, self.limit = problem, None, below
        self.ways = [list(ways_of(problem, item)) for item in range(problem.item_count)]
        self.order = sorted(range(problem.item_count), key=lambda item: -len(self.ways[item]))
        first = self.order[0]
        self.ways[first] = self._told_apart(self.ways[first])
        self.loads = [[self._load(item, way) for way in ways] for item, ways in self._each()]
        least = [
            np.min([load.seconds.sum(axis=0) for load in loads], axis=0, initial=INFINITY)
            for loads in self.loads
        ]
        self.to_come = [sum(least[depth + 1 :], np.zeros(problem.stage_count)) for depth in
                        range(len(least))]  # fmt: skip
        self.stacked = [
            [np.array([getattr(load, name) for load in loads]) for name in _Load.__annotations__]
            for loads in self.loads
        ]

    def _each(self) -> Iterator[tuple[int, list[Way]]]:
        return ((item, self.ways[item]) for item in self.order)

    def _told_apart(self, ways: list[Way]) -> list[Way]:
        found, seen = [], set()
        renamings = list(renamings_of(self.problem))
        for way in ways:
            if way not in seen:
                found.append(way)
                seen |= {renamed(self.problem, way, names) for names in renamings}
        return found

    def _load(self, item: int, way: Way) -> _Load:
        load = _Load.empty(self.problem)
        load.add(self.problem, item, way)
        return load

    def run(self) -> Best | None:
        """Try everything."""
        if all(self.ways):
            start = _Load.empty(self.problem)
            self._descend([getattr(start, name) for name in _Load.__annotations__], [])
        return self.best

    def _descend(self, before: list[np.ndarray], chosen: list[Way]) -> None:
        problem, depth = self.problem, len(chosen)
        seconds, device_bytes, node_bytes, held, uses = after = [
            total + added for total, added in zip(before, self.stacked[depth], strict=True)
        ]
        legal = (device_bytes <= problem.device_capacity).all(axis=(1, 2))
        legal &= (node_bytes <= problem.node_capacity).all(axis=(1, 2))
        legal &= (held <= 1).all(axis=(1, 2))
        even = (seconds.sum(axis=1) + self.to_come[depth]) / problem.device_count
        reach = np.maximum(seconds.max(axis=1), even)
        reach += (uses > 0) @ _charge_seconds(problem)
        chains = np.tile(problem.objective.chain_seconds, (len(reach), 1))
        for stage, chain in np.argwhere(problem.objective.in_chain).tolist():
            chains[:, chain] += reach[:, stage]
        objective = chains.max(axis=1)
        for way in np.argsort(objective, kind="stable")[: legal.size].tolist():
            if not legal[way] or objective[way] >= self.limit * (1 - 1e-12):
                continue
            ways = [*chosen, self.ways[self.order[depth]][way]]
            if depth + 1 < len(self.order):
                self._descend([total[way] for total in after], ways)
            else:
                by_item = dict(zip(self.order, ways, strict=True))
                self.limit = float(objective[way])
                self.best = Best(tuple(by_item[i] for i in range(len(ways))), self.limit)
