"""A problem in which some items stay where they are, as a smaller problem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement, device_counts, evaluate
from shardplan.solve.problem.variants import paying, pinning, take, without

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem


@dataclass(frozen=True, slots=True)
class Subproblem:
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
    ) -> Subproblem:
        """Free the items of a mask (I,), with their ``allowed`` (O,) options, and pin the rest."""
        items = np.flatnonzero(is_free)
        option = np.flatnonzero(is_free[whole.item_of_option] & allowed)
        domain, domains = _domains(whole, placement, is_free, option)
        # What pinned items spill on their neighbours is in the rest's loads.
        rest = evaluate(without(whole, is_free), placement)
        each = whole.devices_per_node
        charged = paying(whole, placement.option[~is_free])
        free = replace(take(charged, option), domain=domain, domains=domains)
        problem = pinning(
            free,
            rest.load_seconds,
            rest.device_bytes,
            np.repeat(rest.node_bytes / each, each, axis=0),
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
