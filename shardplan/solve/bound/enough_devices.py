"""Are there enough devices, where none may bear more of a stage than its limit?

A device holds a *pattern* of units, within the limits and its memory. Fractions of patterns that
cover all units of one option, or of a mixture, of each item are a linear program, the configuration
program; where it takes more devices than there are, no placement keeps the limits. Its dual gives
each unit a value: no pattern is worth more than 1, and all items together are worth as much as
possible. The dual is solved by cuts, patterns that are worth too much. Any values prove the claim
that they prove, whatever they are from: when the worth of all items, each at its cheapest option,
exceeds the number of devices times the most that one can hold.

Units on nodes and all devices count as so many units on single ones. Domains, apart-groups and what
units spill are left aside, and devices are as large as the largest, so that a "no" is always valid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.device_contents import Units, valuable_contents
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import Program, ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.bound.classes.item_classes import ItemClasses
    from shardplan.solve.program.answer import Limits

_MARGIN = 1e-7
"""By how much, relatively, too few devices must be too few, and a pattern be worth too much."""
_LIMIT = 1e-9
"""Relative allowance for rounding in what an option needs alone."""


@dataclass(frozen=True, slots=True)
class DeviceParams:
    """How far a question is pursued."""

    most_states: int = 4_000
    """Beginnings of patterns at once, ..."""
    few_states: int = 100
    """... where so many find none."""
    states_of_program: int = 2_000
    """That take as long as a linear program for their values."""
    patterns_at_once: int = 40
    """That become cuts of one program."""
    most_rounds: int = 60
    """Programs of one question, which stays open then."""


@dataclass(frozen=True, slots=True)
class Values:
    """What proved that there are too few devices; it may prove it of wider limits as well."""

    unit: NDArray[np.float64]
    """(o,): the value of a unit of each option."""
    node_byte: NDArray[np.float64]
    """(U,): prices of the memory that nodes have, all of them together 1 of each tier."""


@dataclass
class Devices:
    """The devices of a problem, and the patterns known so far."""

    classes: ItemClasses
    limits: Limits
    params: DeviceParams
    states_left: int = 0
    """Beginnings of patterns that may still be weighed; all further questions stay open."""
    _patterns: list[NDArray[np.int64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        problem = self.classes.each
        largest = problem.device_capacity.max(axis=0)
        offered = problem.node_capacity.sum(axis=0).clip(min=1.0)
        self._load = problem.load_seconds
        self._held = problem.device_bytes / largest.clip(min=1.0)
        self._node_share = problem.total_node_bytes / offered
        self._landings = (problem.units * problem.width).astype(np.float64)
        self._class_of = problem.item_of_option

    @property
    def is_over(self) -> bool:
        """Whether nothing more is answered."""
        return self.states_left <= 0 or self.limits.until.is_over

    def too_few(self, stage_limits: NDArray[np.float64], *, is_proof: bool = True) -> Values | None:
        """Values that prove it of ``stage_limits`` (S,), in seconds; None where none were found.

        Without ``is_proof`` only patterns that are found easily are asked for: they show with how
        many devices the limits can be kept.
        """
        units, is_open = self._units(stage_limits)
        devices = self.classes.each.device_count
        if not np.bincount(self._class_of[is_open], minlength=len(self.classes.count)).all():
            return Values(np.zeros(len(is_open)), np.zeros(self._node_share.shape[1]))
        for _ in range(self.params.most_rounds):
            if self.is_over:
                break
            answer = solve_program(self._program(units, is_open), self.limits)
            if answer.status is not Status.OPTIMAL or answer.x is None:
                break
            if -answer.objective <= devices * (1 + _MARGIN):
                break
            values = Values(
                np.where(is_open, answer.x[: len(is_open)], 0.0).clip(min=0.0),
                answer.x[len(answer.x) - self._node_share.shape[1] :].clip(min=0.0),
            )
            needed = self._worth(values, is_open) / devices
            found = self._contents(units, values, needed, is_proof=is_proof)
            if found is None:
                return self._completed(values, is_open)
            if not len(found):
                break
            self._patterns.extend(found)
        return None

    def shares(self, stage_limits: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """(o,): how much of a class takes each option where the devices are enough, by the known
        patterns; None where these do not show that they are."""
        units, is_open = self._units(stage_limits)
        counts = self._kept(units)
        problem, numbers = self.classes.each, np.arange(len(counts))
        options, classes = np.arange(len(is_open)), np.arange(len(self.classes.count))
        build = ProgramBuilder()
        times = build.add_columns("times", [numbers], cost=1.0)
        share = build.add_columns("share", [options], upper=is_open.astype(np.float64))
        choose = build.add_rows("choose", [classes], lower=1.0, upper=1.0)
        build.add_entries(choose[self._class_of], share, 1.0)
        cover = build.add_rows("cover", [options], lower=0.0)
        build.add_entries(cover[:, None], times[None, :], counts.T)
        count = self.classes.count[self._class_of]
        build.add_entries(cover, share, -self._landings * count)
        tiers = np.arange(self._node_share.shape[1])
        memory = build.add_rows("memory", [tiers], upper=1.0)
        build.add_entries(memory[None, :], share[:, None], self._node_share * count[:, None])
        answer = solve_program(build.build(), self.limits)
        if answer.x is None or answer.objective > problem.device_count * (1 + 2 * _MARGIN):
            return None
        found: NDArray[np.float64] = answer.x[share].clip(min=0.0)
        return found

    def proves(self, values: Values, stage_limits: NDArray[np.float64]) -> bool:
        """Whether known values prove that there are too few within other limits."""
        units, is_open = self._units(stage_limits)
        if not np.bincount(self._class_of[is_open], minlength=len(self.classes.count)).all():
            return True
        needed = self._worth(values, is_open) / self.classes.each.device_count
        if needed <= 0 or self.is_over:
            return False
        found = self._contents(units, values, needed)
        if found is not None:
            self._patterns.extend(found)
        return found is None

    def _contents(
        self, units: Units, values: Values, needed: float, *, is_proof: bool = True
    ) -> list[NDArray[np.int64]] | None:
        """Patterns that are worth what the average device must hold; None where there are none."""
        above = needed * (1 - _MARGIN)
        params = self.params
        for most_states in (params.few_states, params.most_states)[: 1 + is_proof]:
            found = valuable_contents(
                units, values.unit, above, most_states, params.patterns_at_once
            )
            self.states_left -= found.states + params.states_of_program
            if len(found.counts) or found.most <= above:
                break
        if found.most <= above and not len(found.counts):
            return None
        return list(found.counts)

    def _worth(self, values: Values, is_open: NDArray[np.bool_]) -> float:
        """Of all items, each at its cheapest open option, less the memory of nodes."""
        each = self._landings * values.unit + self._node_share @ values.node_byte
        least = np.full(len(self.classes.count), np.inf)
        np.minimum.at(least, self._class_of[is_open], each[is_open])
        return float(least @ self.classes.count - values.node_byte.sum())

    def _completed(self, values: Values, is_open: NDArray[np.bool_]) -> Values:
        """With values of the options that are closed, by which they are no cheaper than others."""
        nodes = self._node_share @ values.node_byte
        each = self._landings * values.unit + nodes
        least = np.full(len(self.classes.count), np.inf)
        np.minimum.at(least, self._class_of[is_open], each[is_open])
        wanted = ((least[self._class_of] - nodes) / self._landings).clip(min=0.0)
        return Values(np.where(is_open, values.unit, wanted), values.node_byte)

    def _units(self, stage_limits: NDArray[np.float64]) -> tuple[Units, NDArray[np.bool_]]:
        """What units need of a device within the limits, and (o,) which options fit at all."""
        nothing = np.finfo(np.float64).tiny
        needs = np.hstack([self._load / stage_limits.clip(min=nothing), self._held])
        problem, count = self.classes.each, self.classes.count
        is_open: NDArray[np.bool_] = np.logical_and.reduce(needs <= 1 + _LIMIT, axis=1)
        largest = needs.max(axis=1, initial=0.0)
        alone = np.floor((1 + _LIMIT) / np.maximum(largest, _LIMIT))
        most = np.minimum(alone, problem.units * count[self._class_of]).astype(np.int64)
        most[~is_open] = 0
        return Units(needs, most, problem.units, self._class_of, count), is_open

    def _kept(self, units: Units) -> NDArray[np.int64]:
        """(p, o): the known patterns that keep the limits, and those of a single open option."""
        known = [np.diag(units.most)[units.most > 0], *(each[None] for each in self._patterns)]
        counts = np.vstack(known)
        kept: NDArray[np.int64] = counts[(counts @ units.needs <= 1 + 2 * _LIMIT).all(axis=1)]
        return kept

    def _program(self, units: Units, is_open: NDArray[np.bool_]) -> Program:
        """The dual with the known patterns that keep the limits."""
        build = ProgramBuilder()
        options, classes = np.arange(len(is_open)), np.arange(len(self.classes.count))
        tiers = np.arange(self._node_share.shape[1])
        unit = build.add_columns("unit", [options], upper=is_open.astype(np.float64))
        worth = build.add_columns("worth", [classes], cost=-self.classes.count.astype(np.float64))
        node = build.add_columns("node", [tiers], cost=1.0)
        at = options[is_open]
        rows = build.add_rows("option", [at], upper=0.0)
        build.add_entries(rows, worth[self._class_of[at]], 1.0)
        build.add_entries(rows, unit[at], -self._landings[at])
        build.add_entries(rows[:, None], node[None, :], -self._node_share[at])
        counts = self._kept(units)
        if len(counts):
            cuts = build.add_rows("pattern", [np.arange(len(counts))], upper=1.0)
            build.add_entries(cuts[:, None], unit[None, :], counts)
        return build.build()
