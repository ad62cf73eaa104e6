"""A problem in which some items stay where they are, as a smaller problem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Evaluation, Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.search.annealing.population import device_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pinned:
    """The problem of the free items; what the others put on each device is an item of its own."""

    problem: Problem
    items: NDArray[np.int64]
    """The free items, which come first in the problem."""
    option: NDArray[np.int64]
    """The option of the whole problem that each option of a free item is."""
    whole: Placement
    """Of the whole problem; what it says of the free items does not matter."""

    @classmethod
    def of(
        cls,
        whole: Problem,
        placement: Placement,
        is_free: NDArray[np.bool_],
        allowed: NDArray[np.bool_],
    ) -> Pinned:
        """Free the items of a mask (I,), with their ``allowed`` (O,) options, and pin the rest."""
        items = np.flatnonzero(is_free)
        option = np.flatnonzero(is_free[whole.item_of_option] & allowed)
        rest = _evaluate_rest(whole, placement, is_free)
        counts = np.bincount(whole.item_of_option[option], minlength=whole.item_count)[items]
        devices, per_node = whole.device_count, whole.devices_per_node
        domain, domains = _domains(whole, placement, is_free, option)
        ends = np.cumsum(counts)
        # What pinned items spill on their neighbours is in the rest's loads.
        spill, none = whole.spill_seconds, np.zeros_like(rest.load_seconds)
        problem = replace(
            whole,
            option_offsets=np.concatenate([[0], ends, ends[-1] + np.arange(1, devices + 1)]),
            shape=np.append(whole.shape[option], np.full(devices, Shape.DEVICE, dtype=np.int8)),
            units=np.append(whole.units[option], np.ones(devices, dtype=np.int64)),
            load_seconds=np.vstack([whole.load_seconds[option], rest.load_seconds]),
            spill_seconds=None if spill is None else np.vstack([spill[option], none]),
            device_bytes=np.vstack([whole.device_bytes[option], rest.device_bytes]),
            node_bytes=np.vstack(
                [whole.node_bytes[option], np.repeat(rest.node_bytes / per_node, per_node, axis=0)]
            ),
            domain=np.append(domain, len(domains) + np.arange(devices)),
            domains=np.vstack([domains, np.eye(devices, dtype=bool)]),
            apart=_apart(whole, items),
            move_bytes=None,
            blend=np.append(whole.blends[option], whole.blends.max() + 1 + np.arange(devices)),
        )
        return cls(problem, items, option, placement)

    def start(self) -> Placement | None:
        """The whole placement's own choice for the free items; None where it is not allowed."""
        chosen = self.whole.option[self.items]
        position = np.searchsorted(self.option, chosen)
        found = position.clip(max=max(len(self.option) - 1, 0))
        if not (self.option[found] == chosen).all():
            return None
        targets = [self.whole.targets_of(item) for item in self.items.tolist()]
        devices = np.arange(self.problem.device_count)
        option = np.append(found, len(self.option) + devices)
        return Placement.of(option, [*targets, *devices[:, None]])

    def merged(self, found: Placement) -> Placement:
        """A placement of the whole problem from one of this."""
        option = self.whole.option.copy()
        option[self.items] = self.option[found.option[: len(self.items)]]
        targets = [self.whole.targets_of(item) for item in range(len(option))]
        for position, item in enumerate(self.items.tolist()):
            targets[item] = found.targets_of(position)
        return Placement.of(option, targets)


def _evaluate_rest(whole: Problem, placement: Placement, is_free: NDArray[np.bool_]) -> Evaluation:
    """What the pinned items alone put on devices and nodes."""
    pinned, spill = ~is_free[whole.item_of_option][:, None], whole.spill_seconds
    bare = replace(
        whole,
        load_seconds=np.where(pinned, whole.load_seconds, 0.0),
        spill_seconds=None if spill is None else np.where(pinned, spill, 0.0),
        device_bytes=np.where(pinned, whole.device_bytes, 0.0),
        node_bytes=np.where(pinned, whole.node_bytes, 0.0),
    )
    return evaluate(bare, placement)


def _apart(whole: Problem, items: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Groups of free items, by their new positions."""
    groups = (np.flatnonzero(np.isin(items, group)) for group in whole.apart)
    return tuple(group for group in groups if len(group))


def _domains(
    whole: Problem,
    placement: Placement,
    is_free: NDArray[np.bool_],
    option: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(options,) and (n, D): without the devices on which pinned items keep free ones away."""
    domain, domains = whole.domain[option], whole.domains
    item = whole.item_of_option[option]
    counts = device_counts(whole, placement) if whole.apart else None
    for group in whole.apart:
        assert counts is not None
        others = group[~is_free[group]]
        taken = counts[others].sum(axis=0) > 0
        members = np.isin(item, group)
        if taken.any() and members.any():
            kinds, domain[members] = np.unique(domain[members], return_inverse=True)
            domain[members] += len(domains)
            domains = np.vstack([domains, domains[kinds] & ~taken])
    return domain, domains
