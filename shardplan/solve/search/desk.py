"""A placement that is being tidied: what it puts where, and what of it may be changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.deadline import Deadline
    from shardplan.solve.problem.problem import Problem

ROUNDING = 1e-12
"""Relative, of what is added up in another order."""
_MOST_TRIES = 10_000


@dataclass(frozen=True, slots=True)
class Traits:
    """What options have in common, beyond what they cost; (O,) each."""

    kernels: NDArray[np.int64]
    """A bit for each compute kernel that an option runs."""
    sharding: NDArray[np.int64]
    """A number for each sharding type."""
    shards: NDArray[np.int64]
    """How many shards there are; none of what is replicated."""


class LessLoads(Protocol):
    """By how much less than the first the devices bear that a unit of an uneven option lands on."""

    def of_option(self, option: int) -> NDArray[np.float64]:
        """(width, S): never positive; of the devices of a unit in their order."""

    def of_placement(self, placement: Placement) -> NDArray[np.float64]:
        """(D, S): the same summed over the units on each device."""


@dataclass
class Desk:
    """A placement that is being changed, with what it puts on every device and node."""

    problem: Problem
    traits: Traits
    option: NDArray[np.int64]
    """(I,)"""
    targets: list[NDArray[np.int64]]
    """Of each item."""
    weights: NDArray[np.float64] | None
    load: NDArray[np.float64]
    """(D, S)"""
    device_bytes: NDArray[np.float64]
    node_bytes: NDArray[np.float64]
    most: NDArray[np.float64]
    """(S,): what no device may exceed."""
    is_paid: NDArray[np.bool_]
    """(O,): options that are charged for nothing that is not paid from the beginning."""
    less: LessLoads | None
    """Of uneven options, which are left alone without it."""
    deadline: Deadline | None
    tries: int = 0

    @classmethod
    def of(
        cls,
        problem: Problem,
        placement: Placement,
        traits: Traits,
        less: LessLoads | None,
        deadline: Deadline | None,
    ) -> Self:
        """Lay out a placement."""
        state = evaluate(problem, placement)
        load = state.load_seconds
        if less is not None:
            load = load + less.of_placement(placement)
        items = range(problem.item_count)
        return cls(
            problem,
            traits,
            placement.option.copy(),
            [placement.targets_of(item) for item in items],
            None if placement.weights is None else placement.weights.copy(),
            load,
            state.device_bytes,
            state.node_bytes,
            load.max(axis=0) * (1 + ROUNDING),
            problem.objective.is_paid_for(placement.option, problem.option_count),
            less,
            deadline,
        )

    @property
    def is_over(self) -> bool:
        """Whether no further change is to be tried."""
        return self.tries > _MOST_TRIES or (self.deadline is not None and self.deadline.is_over)

    def copied(self) -> Desk:
        """The same, to be changed on trial."""
        return replace(
            self,
            option=self.option.copy(),
            targets=list(self.targets),
            weights=None if self.weights is None else self.weights.copy(),
            load=self.load.copy(),
            device_bytes=self.device_bytes.copy(),
            node_bytes=self.node_bytes.copy(),
        )

    def take_over(self, trial: Desk) -> None:
        """Have what a trial has."""
        vars(self).update(vars(trial))

    def placement(self) -> Placement:
        """What it has come to."""
        if self.weights is None:
            return Placement.of(self.option, self.targets)
        return Placement.mixed(self.problem, self.weights, self.targets)

    def by_size(self) -> list[int]:
        """The items, those first whose option needs least of all memory."""
        problem = self.problem
        needs = problem.total_device_bytes.sum(axis=1) + problem.total_node_bytes.sum(axis=1)
        order: list[int] = np.argsort(needs[self.option], kind="stable").tolist()
        return order

    def bring_nearer(self, item: int) -> None:
        """Take an option whose bytes lie nearer, where there is room."""
        farther = self._distance(self.option[item : item + 1])[0]
        if not farther.any():
            return
        options = np.array(self.problem.options_of(item))
        distance = self._distance(options)
        order = np.lexsort((options, *distance.T[::-1]))
        nearer = [int(options[at]) for at in order if tuple(distance[at]) < tuple(farther.tolist())]
        for same_places in (True, False):
            for option in nearer:
                if self._try(item, option, same_places):
                    return

    def change(self, item: int, allowed: NDArray[np.bool_]) -> bool:
        """Take one of the ``allowed`` (O,) options that lies no farther; False where none fits."""
        options = np.array(self.problem.options_of(item))
        return self._change_to(item, options[allowed[options]])

    def _change_to(self, item: int, options: NDArray[np.int64]) -> bool:
        if not len(options):
            return False
        own = tuple(self._distance(self.option[item : item + 1])[0].tolist())
        distance = self._distance(options)
        shards = self.traits.shards[options]
        order = np.lexsort((options, shards, *distance.T[::-1]))
        return any(
            self._try(item, int(options[at]), same_places)
            for at in order
            if tuple(distance[at]) <= own
            for same_places in (True, False)
        )

    def join_shards(self, item: int, is_used: NDArray[np.bool_]) -> None:
        """Take an option with fewer shards, of those (O,) whose kernel and type are used anyway."""
        options, shards = np.array(self.problem.options_of(item)), self.traits.shards
        fewer = is_used[options] & (shards[options] < shards[self.option[item]])
        self._change_to(item, options[fewer])

    def _distance(self, options: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, U): bytes in the tiers of nodes, the farthest first, which decides."""
        return self.problem.total_node_bytes[options, ::-1]

    def _try(self, item: int, option: int, same_places: bool) -> bool:
        """Give an item another option, if no device is slower or fuller than may be for it."""
        old = int(self.option[item])
        problem = self.problem
        self.tries += 1
        if self.is_over:
            return False
        if option == old or not self.is_paid[option] or not self._is_known(item, option):
            return False
        self._add(item, -1.0)
        kept = self.option[item], self.targets[item]
        mix = self._set_weights(item, option)
        self.option[item] = option
        for targets in self._places(item, kept, option, same_places):
            self.targets[item] = targets
            self._add(item, 1.0)
            if self._is_sound():
                return True
            self._add(item, -1.0)
        self.option[item], self.targets[item] = kept
        if self.weights is not None and mix is not None:
            self.weights[list(problem.options_of(item))] = mix
        self._add(item, 1.0)
        return False

    def _is_known(self, item: int, option: int) -> bool:
        """Whether it is known what an item puts on each device: now, and under another option.

        What is uneven gives way only to what is cut alike and, judged by the first device, adds no
        more to any stage: placements are compared by what they are charged for that one.
        """
        problem, old = self.problem, self.option[item]
        if not problem.has_uneven_units[[old, option]].any():
            return True
        if self.less is None:
            return False
        is_cut_alike = (
            problem.shape[option] == problem.shape[old]
            and problem.units[option] == problem.units[old]
            and self.traits.sharding[option] == self.traits.sharding[old]
        )
        charged = self._of_item(item, problem.load_seconds) * (1 + ROUNDING)
        return is_cut_alike and bool((problem.load_seconds[option] <= charged).all())

    def _set_weights(self, item: int, option: int) -> NDArray[np.float64] | None:
        """Let an item be of one option alone; what it was of before."""
        if self.weights is None:
            return None
        own = list(self.problem.options_of(item))
        before = self.weights[own]
        self.weights[own] = 0.0
        self.weights[option] = 1.0
        return before

    def _places(
        self, item: int, kept: tuple[np.int64, NDArray[np.int64]], option: int, same_places: bool
    ) -> Iterator[NDArray[np.int64]]:
        """Where the units of an item may land, the best place first."""
        problem, (old, targets) = self.problem, kept
        shape, is_all = problem.shape[option], problem.shape[option] == Shape.ALL
        alike = shape == problem.shape[old] and problem.units[option] == problem.units[old]
        if is_all or alike:
            if same_places:
                yield np.zeros(0, np.int64) if is_all else targets
            if is_all:
                return
        if same_places or problem.is_apart[item] or problem.units[option] != 1:
            return
        if problem.spill_seconds[option].any():
            return
        open_ = (problem.domains, problem.node_domains)[int(shape)][problem.domain[option]]
        places = np.flatnonzero(open_ & self._has_room(option))
        busy = self.load.reshape(len(open_), -1, problem.stage_count).max(axis=1)
        share = (busy / np.maximum(self.most, 1e-300)).sum(axis=1)
        for place in places[np.argsort(share[places], kind="stable")][:1].tolist():
            yield np.array([place], dtype=np.int64)

    def _has_room(self, option: int) -> NDArray[np.bool_]:
        """(places,): the devices, or nodes, that can bear a unit."""
        problem = self.problem
        slow = (self.load + problem.load_seconds[option] > self.most).any(axis=1)
        full = self.device_bytes + problem.device_bytes[option] > problem.device_capacity
        bad = slow | full.any(axis=1)
        node = self.node_bytes + problem.node_bytes[option] > problem.node_capacity
        by_node = node.any(axis=1)
        if problem.shape[option] == Shape.NODE:
            room: NDArray[np.bool_] = ~(bad.reshape(problem.node_count, -1).any(axis=1) | by_node)
            return room
        alone: NDArray[np.bool_] = ~(bad | np.repeat(by_node, problem.devices_per_node))
        return alone

    def _add(self, item: int, sign: float) -> None:
        """Put what an item has on its devices and nodes, or take it off."""
        problem = self.problem
        own, spilt, device, node = (
            sign * self._of_item(item, per_option)
            for per_option in (
                problem.own_seconds,
                problem.spill_seconds,
                problem.device_bytes,
                problem.node_bytes,
            )
        )
        less = sign * self._less(item)
        shape, each = problem.shape[self.option[item]], problem.devices_per_node
        if shape == Shape.ALL:
            self.load += own + less
            self.device_bytes += device
            self.node_bytes += node
            return
        for target in self.targets[item].tolist():
            wide = each if shape == Shape.NODE else 1
            at = slice(target * wide, (target + 1) * wide)
            where = target if shape == Shape.NODE else target // each
            self.load[at] += own + less
            self.device_bytes[at] += device
            self.node_bytes[where] += node
            self.load[where * each : (where + 1) * each] += spilt

    def _of_item(self, item: int, per_option: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.weights is None:
            alone: NDArray[np.float64] = per_option[self.option[item]]
            return alone
        own = list(self.problem.options_of(item))
        mixed: NDArray[np.float64] = self.weights[own] @ per_option[own]
        return mixed

    def _less(self, item: int) -> NDArray[np.float64]:
        """(width or 1, S): by how much less the devices of a unit of an item bear."""
        option = self.option[item : item + 1]
        if self.weights is not None:
            own = np.array(self.problem.options_of(item))
            option = own[self.weights[own] > 0]
        if self.less is None or not self.problem.has_uneven_units[option].any():
            return np.zeros((1, self.problem.stage_count))
        parts = self.weights[option] if self.weights is not None else np.ones(1)
        each = np.array([self.less.of_option(one) for one in option.tolist()])
        mixed: NDArray[np.float64] = np.tensordot(parts, each, axes=1)
        return mixed

    def _is_sound(self) -> bool:
        problem = self.problem
        slack = 1 + ROUNDING
        return bool(
            (self.load <= self.most).all()
            and (self.device_bytes <= problem.device_capacity * slack).all()
            and (self.node_bytes <= problem.node_capacity * slack).all()
        )
