"""Equal items as classes: counted, not told apart.

Published sets of hundreds of tables have a handful of kinds. Items whose options are alike in all
that a bound looks at can be exchanged, so that programs need one item for each class and know how
many there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.relaxation import add_units, relaxation_rows
from shardplan.solve.problem.problem import Problem

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.bound.relaxation import RelaxationColumns
    from shardplan.solve.problem.objective import ChainObjective
    from shardplan.solve.program.program import Program, ProgramBuilder

_WHOLE = 1e-6
"""Of an item, by which a number of them may miss a whole number by rounding."""


@dataclass(frozen=True)
class ItemClasses:
    """K classes of the items of a problem, in the order of their first items."""

    count: NDArray[np.int64]
    """(K,): items of each class."""
    of_item: NDArray[np.int64]
    """(I,): the class of each item."""
    options: NDArray[np.int64]
    """(o,): the options of the first item of each class, as the problem numbers them."""
    each: Problem
    """One item of each class, with ``options`` alone. Apart-groups and domains are left aside."""

    @classmethod
    def of(cls, problem: Problem, allowed: NDArray[np.bool_]) -> Self:
        """Of the ``allowed`` (O,) options: those that any item of a class may take."""
        rows = np.hstack(
            [
                problem.shape[:, None].astype(np.float64),
                problem.units[:, None].astype(np.float64),
                problem.load_seconds,
                problem.spill_seconds,
                problem.device_bytes,
                problem.node_bytes,
                _groups(problem),
            ]
        )
        first: dict[bytes, int] = {}
        of_item = np.empty(problem.item_count, dtype=np.int64)
        kept: list[NDArray[np.bool_]] = []
        starts = problem.option_offsets
        for item in range(problem.item_count):
            own = slice(int(starts[item]), int(starts[item + 1]))
            number = first.setdefault(rows[own].tobytes(), len(first))
            of_item[item] = number
            if number == len(kept):
                kept.append(allowed[own].copy())
            else:
                kept[number] |= allowed[own]
        leaders = np.unique(of_item, return_index=True)[1]
        options = np.concatenate(
            [starts[leader] + np.flatnonzero(kept[of_item[leader]]) for leader in leaders.tolist()]
        )
        return cls(np.bincount(of_item), of_item, options, _one_of_each(problem, options))

    def only(self, chosen: NDArray[np.bool_], objective: ChainObjective) -> ItemClasses | None:
        """With the ``chosen`` (o,) options and another objective; None where that leaves a class
        none."""
        has_any = np.logical_or.reduceat(chosen, self.each.option_offsets[:-1])
        if not has_any.all():
            return None
        each = _one_of_each(self.each, np.flatnonzero(chosen))
        each = replace(each, objective=objective)
        return ItemClasses(self.count, self.of_item, self.options[chosen], each)

    def choice(self, problem: Problem, shares: NDArray[np.float64]) -> NDArray[np.int64]:
        """(I,): an option of each item, by (o,) shares of a class that each option has.

        What is left of an item goes to the options that have most of it.
        """
        starts = problem.option_offsets
        option = np.empty(problem.item_count, dtype=np.int64)
        for number, count in enumerate(self.count.tolist()):
            items = np.flatnonzero(self.of_item == number)
            own = np.array(self.each.options_of(number))
            wanted = shares[own] / shares[own].sum() * count
            times = np.floor(wanted + _WHOLE).astype(np.int64)
            order = np.argsort(times - wanted, kind="stable")
            times[order[: count - times.sum()]] += 1
            local = self.options[own] - starts[items[0]]
            option[items] = starts[items] + np.repeat(local, times)
        return option

    @cached_property
    def together(self) -> Problem:
        """All items of a class as one: the relaxation without unit rows is that of all items."""
        times = self.count[self.each.item_of_option][:, None]
        return replace(
            self.each,
            load_seconds=self.each.load_seconds * times,
            spill_seconds=self.each.spill_seconds * times,
            device_bytes=self.each.device_bytes * times,
            node_bytes=self.each.node_bytes * times,
        )

    def relaxation(
        self, objective: ChainObjective, is_open: NDArray[np.bool_]
    ) -> tuple[Program, RelaxationColumns]:
        """The relaxation of ``together`` with the (o,) open options."""
        build, columns = self.relaxation_rows(objective, is_open)
        return build.build(), columns

    def relaxation_rows(
        self, objective: ChainObjective, is_open: NDArray[np.bool_]
    ) -> tuple[ProgramBuilder, RelaxationColumns]:
        """``relaxation``, to which rows can be added.

        Some device bears what any item puts on its fullest one, hence what the mean of a class
        does.
        """
        together = replace(self.together, objective=objective)
        build, columns = relaxation_rows(together, is_open, np.zeros((0, 2), dtype=np.int64))
        pairs = np.argwhere(np.ones((len(self.count), together.stage_count), dtype=bool))
        add_units(build, together, columns, pairs, self.each.fullest_device_seconds)
        return build, columns


def _one_of_each(problem: Problem, options: NDArray[np.int64]) -> Problem:
    """The problem of some items with some options of each."""
    item = problem.item_of_option[options]
    starts = np.flatnonzero(np.diff(item, prepend=-1))
    return Problem(
        option_offsets=np.append(starts, len(options)),
        shape=problem.shape[options],
        units=problem.units[options],
        load_seconds=problem.load_seconds[options],
        device_bytes=problem.device_bytes[options],
        node_bytes=problem.node_bytes[options],
        device_capacity=problem.device_capacity,
        node_capacity=problem.node_capacity,
        objective=problem.objective.renumbered(options),
        domain=np.zeros(len(options), dtype=np.int64),
        domains=np.ones((1, problem.device_count), dtype=bool),
        spill_seconds=problem.spill_seconds[options],
    )


def _groups(problem: Problem) -> NDArray[np.float64]:
    """(O, G): in which groups with a charge options are."""
    charges = problem.objective.charges
    if charges is None:
        return np.zeros((problem.option_count, 0))
    return charges.of_option.astype(np.float64)
