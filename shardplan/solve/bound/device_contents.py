"""What the content of one device can be worth: a knapsack of several dimensions.

Each unit has a value and needs of several kinds, of which a device has 1 each. All contents that
may be worth more than a given sum are built up, one option after the other. What the rest can add
at most is told by prices of the needs: by duality, any prices of at least 0 do, and those of the
linear relaxation do best. Where there are too many beginnings, the least promising are dropped, and
what they could have come to stays in the answer, so that it holds in any case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLACK = 1e-9
"""Relative allowance for rounding in sums of needs; a content in doubt is taken for possible."""
_NO_VALUE = 1e-12


@dataclass(frozen=True, slots=True)
class Units:
    """Units of n options that a device can hold."""

    needs: NDArray[np.float64]
    """(n, R): of one unit, in shares of what a device has."""
    most: NDArray[np.int64]
    """(n,): units that a device can hold of an option, all else aside."""
    per_item: NDArray[np.int64]
    """(n,): of these at most so many belong to the same item."""
    class_of: NDArray[np.int64]
    """(n,): rising."""
    class_count: NDArray[np.int64]
    """(K,): items of each class; each takes one option."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found of a device's contents."""

    most: float
    """No content is worth more than this, or than the sum asked about if that is more."""
    counts: NDArray[np.int64]
    """(c, n): units of each option in contents that are worth more than what was asked about, the
    most valuable first; none where none was found."""
    states: int
    """Beginnings that were weighed."""


def valuable_contents(
    units: Units, values: NDArray[np.float64], above: float, most_states: int, most_found: int
) -> Contents:
    """Contents worth more than ``above``, at ``values`` (n,) of one unit of each option."""
    option_count = len(values)
    prices = _prices(units, values)
    gain = values - units.needs @ prices
    relaxed = float(prices.sum() * (1 + _SLACK) + (gain.clip(min=0.0) * units.most).sum())
    slack = relaxed - above
    if slack <= 0:
        return Contents(relaxed, np.zeros((0, option_count), dtype=np.int64), 1)
    worth_it = (values > _NO_VALUE) & (gain > -slack) & (units.most > 0)
    used = np.flatnonzero(worth_it)
    of_option = gain[used].clip(min=0.0) * units.most[used]
    later = of_option.sum() - np.cumsum(of_option)
    states, dropped, weighed = _Beginnings.empty(units), 0.0, 1
    steps: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for column, option in enumerate(used.tolist()):
        if column == 0 or units.class_of[option] != units.class_of[used[column - 1]]:
            states = replace(states, items=np.zeros_like(states.items))
        states, parent, added = states.extended(units, option, values[option])
        weighed += len(parent)
        reach = states.value + (1 + _SLACK - states.held) @ prices + later[column]
        chosen = np.flatnonzero(reach > above)
        if len(chosen) > most_states:
            order = np.argsort(-reach[chosen], kind="stable")
            dropped = max(dropped, float(reach[chosen[order[most_states]]]))
            chosen = np.sort(chosen[order[:most_states]])
        states = states.subset(chosen)
        steps.append((parent[chosen], added[chosen]))
    best = np.argsort(-states.value, kind="stable")[:most_found]
    best = best[states.value[best] > above]
    counts = np.zeros((len(best), option_count), dtype=np.int64)
    most = max(dropped, float(states.value.max(initial=0.0)))
    for option, (parent, added) in zip(used[::-1].tolist(), reversed(steps), strict=True):
        counts[:, option] = added[best]
        best = parent[best]
    return Contents(most, counts, weighed)


@dataclass(frozen=True, slots=True)
class _Beginnings:
    """Contents without the options that are still to come."""

    value: NDArray[np.float64]
    held: NDArray[np.float64]
    """(b, R)"""
    items: NDArray[np.int64]
    """(b,): items of the class at hand that have their option already."""

    @classmethod
    def empty(cls, units: Units) -> _Beginnings:
        """Nothing on the device."""
        return cls(np.zeros(1), np.zeros((1, units.needs.shape[1])), np.zeros(1, dtype=np.int64))

    def subset(self, chosen: NDArray[np.int64]) -> _Beginnings:
        """Some of them."""
        return _Beginnings(self.value[chosen], self.held[chosen], self.items[chosen])

    def extended(
        self, units: Units, option: int, value: float
    ) -> tuple[_Beginnings, NDArray[np.int64], NDArray[np.int64]]:
        """With every number of units of one more option, and which ones they were and how many
        units more they have."""
        need, each = units.needs[option], int(units.per_item[option])
        left = (1 + _SLACK - self.held[:, need > 0]) / need[need > 0]
        most = np.full(len(self.value), units.most[option])
        if left.shape[1]:
            most = np.minimum(most, np.floor(left.min(axis=1)).astype(np.int64).clip(min=0))
        items_left = units.class_count[units.class_of[option]] - self.items
        most = np.minimum(most, items_left * each)
        parent = np.repeat(np.arange(len(most)), most + 1)
        added = np.arange(len(parent)) - np.repeat(np.cumsum(most + 1) - most - 1, most + 1)
        longer = _Beginnings(
            self.value[parent] + added * value,
            self.held[parent] + added[:, None] * need,
            self.items[parent] - (-added // each),
        )
        return longer, parent, added


def _prices(units: Units, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R,): of the needs, by which the relaxed knapsack is worth least."""
    build = ProgramBuilder()
    kinds = np.arange(units.needs.shape[1])
    own = np.flatnonzero(values > _NO_VALUE)
    price = build.add_columns("price", [kinds], cost=1.0)
    beyond = build.add_columns("beyond", [own], cost=units.most[own].astype(np.float64))
    rows = build.add_rows("worth", [own], lower=values[own])
    build.add_entries(rows[:, None], price[None, :], units.needs[own])
    build.add_entries(rows, beyond, 1.0)
    if not len(own):
        return np.zeros(len(kinds))
    answer = solve_program(build.build())
    if answer.status is not Status.OPTIMAL or answer.x is None:
        needed = units.needs.max(axis=1).clip(min=_NO_VALUE)
        return np.full(len(kinds), float((values / needed).max()))
    found: NDArray[np.float64] = answer.x[price].clip(min=0.0)
    return found
