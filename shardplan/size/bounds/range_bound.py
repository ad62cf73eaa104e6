"""A bound that holds for a whole range of node counts: ``T(n) >= A + C / n``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from shardplan.size.bounds.cheapest import Cheapest, lagrangian
from shardplan.size.bounds.sized import SharedOptions, Sized, edges_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.size.bounds.chain_floor import ChainFloor
    from shardplan.size.bounds.means import Means


class Hyperbola(NamedTuple):
    """``A + C / n``: what ``n`` nodes of a range take at least."""

    constant_seconds: float
    """A, that no number of nodes buys back; below 0 where it is room that more nodes bring."""
    node_seconds: float
    """C, the work that they share."""

    def seconds(self, nodes: int) -> float:
        """Of one step."""
        return self.constant_seconds + self.node_seconds / nodes


@dataclass(frozen=True, slots=True)
class RangeBound:
    """No plan on ``first`` to ``last`` nodes has a shorter step.

    It rests on each phase of each option being shortest at one end of the range: summed over all
    devices (work that devices share takes no less on more of them), and of one device (which does
    no more where there are more). So it is with every phase of the shipped cost models as long as
    the machine stays the same: from one scale-up domain to several nothing is bounded, so that
    ranges should end there (``breaks_of``).
    """

    first: int
    last: int
    curves: tuple[Hyperbola, ...]
    """Each holds; none where no number of nodes of the range has a plan."""
    fewest: int
    """Fewer nodes of the range have not the memory for the tables."""

    @classmethod
    def of(cls, first: Case, last: Case) -> Self:
        """Between two sizes of a machine, the smaller one first."""
        shared = SharedOptions.between(first, last)
        return cls.between(Sized.of(first, shared), Sized.of(last, shared), shared)

    @classmethod
    def between(cls, first: Sized, last: Sized, shared: tuple[SharedOptions, ...]) -> Self:
        """The same of sizes that are priced already, with options ``shared`` by all between."""
        nodes = first.nodes, last.nodes
        is_alike = first.beyond == last.beyond
        if not (is_alike and shared and len(first.means) == len(last.means) == len(shared)):
            # Another machine, or what is left open is not the same: nothing is known of the rest.
            return cls(*nodes, (Hyperbola(0.0, 0.0),), nodes[0])
        found = [
            _between(low, high, nodes, is_complete=own.is_complete)
            for low, high, own in zip(first.means, last.means, shared, strict=True)
        ]
        if len(found) == 1:
            return cls(*nodes, *found[0])
        flat = min(_lowest(curves, nodes) for curves, _ in found)
        fewest = min(fewest for _, fewest in found)
        curves = (Hyperbola(flat, 0.0),) if flat < float("inf") else ()
        return cls(*nodes, curves, fewest)

    def seconds(self, nodes: int) -> float:
        """What a step on so many nodes takes at least; infinite where the tables do not fit."""
        if nodes < self.fewest or not self.curves:
            return float("inf")
        return max(0.0, *(curve.seconds(nodes) for curve in self.curves))

    @property
    def least_seconds(self) -> float:
        """On any number of its nodes."""
        return _lowest(self.curves, (max(self.first, self.fewest), self.last))

    @property
    def least_node_seconds(self) -> float:
        """Nodes times seconds: what any number of its nodes costs at least, up to their price."""
        if not self.curves:
            return float("inf")
        ends = max(self.first, self.fewest), self.last
        return max(0.0, *(min(n * curve.seconds(n) for n in ends) for curve in self.curves))


def _lowest(curves: Sequence[Hyperbola], ends: tuple[int, int]) -> float:
    """The least of the highest: each is monotone."""
    if not curves:
        return float("inf")
    return max(0.0, *(min(curve.seconds(n) for n in ends) for curve in curves))


def breaks_of(case: Case, counts: Iterable[int]) -> tuple[int, ...]:
    """Of some node counts, rising, those at which the machine of a case changes: the last of one
    scale-up domain, of one rack, of one pod, and the first beyond."""
    known = sorted(set(counts))
    found = {known[0], known[-1]} if known else set()
    for edge in edges_of(case):
        found |= {max((n for n in known if n <= edge), default=known[0])}
        found |= {min((n for n in known if n > edge), default=known[-1])}
    return tuple(sorted(found))


def _between(
    first: Means | None, last: Means | None, nodes: tuple[int, int], *, is_complete: bool
) -> tuple[tuple[Hyperbola, ...], int]:
    """The curves of one choice of what a spec leaves open, and the fewest nodes with room."""
    if first is None or last is None:
        return (), nodes[1] + 1
    pair = _Pair(first, last, nodes)
    fewest = pair.fewest_nodes()
    if fewest > nodes[1]:
        return (), fewest
    curves: list[Hyperbola] = []
    for key in first.floors.keys() & last.floors.keys():
        floor = first.floors[key].least(last.floors[key])
        found = pair.curves(floor) if is_complete else [Hyperbola(floor.seconds, 0.0)]
        if not found:
            return (), nodes[1] + 1
        curves += found
    return tuple(curves), fewest


@dataclass(frozen=True, eq=False, slots=True)
class _Pair:
    """The two ends of a range, whose options are the same."""

    first: Means
    last: Means
    nodes: tuple[int, int]

    @property
    def devices_per_node(self) -> float:
        """Of the group that holds all tables, for each node of all groups."""
        return self.first.devices / self.nodes[0]

    @property
    def offered_per_device(self) -> NDArray[np.float64]:
        """(3,): at the end that has more of it."""
        ends = (self.first, self.last)
        found: NDArray[np.float64] = np.maximum(*(e.offered_bytes / e.devices for e in ends))
        return found

    @property
    def starts(self) -> NDArray[np.int64]:
        """(T,): where the options of each table begin."""
        return self.first.totals.starts

    def fewest_nodes(self) -> int:
        """So many have room for all tables, each in its leanest option, after what every plan
        needs; fewer have not."""
        least = np.minimum(self.first.totals.memory_bytes, self.last.totals.memory_bytes)
        leanest = float(np.minimum.reduceat(least.sum(axis=1), self.starts).sum())
        each = float(self.offered_per_device.sum()) * self.devices_per_node
        if leanest <= 0:
            return self.nodes[0]
        if each <= 0:
            return self.nodes[1] + 1
        return max(self.nodes[0], int(np.ceil(leanest / each * (1 - 1e-9))))

    def curves(self, floor: ChainFloor) -> list[Hyperbola]:
        """Of one chain; none where not even the larger end has room for the tables."""
        found = self._shared(floor)
        flat = self._flat(floor)
        return [*found, flat] if found and flat is not None else []

    def _shared(self, floor: ChainFloor) -> list[Hyperbola]:
        """Work that all devices share: ``A + C / n``, once for the prices of memory at each end."""
        cost = self._least(floor, (1.0, 1.0))
        memory = np.minimum(self.first.totals.memory_bytes, self.last.totals.memory_bytes)
        each, per_node = self.offered_per_device, self.devices_per_node
        found: list[Hyperbola] = []
        for end in (self.first, self.last):
            at_end = Cheapest.of(cost, memory, each * end.devices, self.starts)
            if at_end.cost == float("inf"):
                continue
            nothing = np.zeros(len(each))
            shared = lagrangian(cost, memory, nothing, self.starts, at_end.prices)
            room = float(at_end.prices @ each) * (1 + 1e-9)
            found.append(Hyperbola(floor.seconds - room, shared / per_node))
        return list(dict.fromkeys(found))

    def _flat(self, floor: ChainFloor) -> Hyperbola | None:
        """What each device does at least: a constant."""
        devices = float(self.first.devices), float(self.last.devices)
        cost = self._least(floor, devices)
        memory = np.minimum(
            self.first.totals.memory_bytes / devices[0], self.last.totals.memory_bytes / devices[1]
        )
        found = Cheapest.of(cost, memory, self.offered_per_device, self.starts)
        if found.cost == float("inf"):
            return None
        return Hyperbola(floor.seconds + found.cost, 0.0)

    def _least(self, floor: ChainFloor, scale: tuple[float, float]) -> NDArray[np.float64]:
        """(O,): each phase of each option at the end where it is least, in parts of ``scale``."""
        names = [name for name in self.first.totals.phases if name in floor.phases]
        found = np.zeros(len(self.first.totals.table))
        for name in names:
            pair = [
                end.totals.seconds[:, end.totals.phases.index(name)] / part
                for end, part in zip((self.first, self.last), scale, strict=True)
            ]
            found += np.minimum(*pair)
        return found
