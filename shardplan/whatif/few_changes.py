"""The few tables of a plan that change together for the most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.predict import predict
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import device_counts, evaluate
from shardplan.solve.problem.subproblem import Subproblem
from shardplan.solve.search.refit import Refit, refit
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.settings import Settings

_LEAST_GAIN = 0.005
"""Of the objective as it is by then: less is no change worth to be told."""
_SET_GAP = 0.001
"""At which a set is solved well enough."""
_PROMISING = 8
"""Items of which sets are freed: half by what each brings alone, the rest by where they lie."""
_COUNTED = 8
"""Of what was found, that is counted anew where others stand in for what the plan does."""
_ALONE_SHARE = 0.4
"""Of the time: for items one after another."""
_SET_EFFORT = 0.1
"""For the solve of one set, relative to one of a whole problem."""
_SHARPNESS = 8.0
"""How much more what lies on the slowest devices counts."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """Another way for one table, with all changes before it made and all else left alone."""

    table: str
    before: Decision
    after: Decision
    objective_seconds: float
    """Of the plan with this change, those of its set and those of the sets before it."""
    set_number: int
    """From 1 on: tables of one set pay together, and less, or nothing, one by one."""


@dataclass(frozen=True, slots=True)
class FewChanges:
    """Looks for the changes of a plan, under a deadline."""

    case: Case
    formulation: Formulation
    decisions: tuple[Decision, ...]
    settings: Settings
    deadline: Deadline
    most: int
    """Items that may change."""

    def found(self) -> Iterator[TableChange]:
        """Sets of tables, each that which saves most for each of its tables after those before.

        They are of the best that was found of all that changes ``most`` items: one after another,
        and all at once of those that promise most. Items that no option stands for stay as they
        are; while others are looked at, what the spec has for them stands in.
        """
        placement, is_placed = self.formulation.placement(self.decisions)
        for item in np.flatnonzero(~is_placed).tolist():
            stand_in = self._stand_in(placement, item)
            placement = placement if stand_in is None else stand_in.placement
        open_items = np.flatnonzero(is_placed)
        finals = list(self._finals(placement, open_items))
        if finals:
            final = self._best(placement, finals, open_items)
            yield from self._in_steps(placement, self._changed(placement, final, open_items))

    def _stand_in(self, placement: Placement, item: int) -> Refit | None:
        """What the spec has for an item, on the ranks where the plan has it if that is allowed."""
        problem, world = self.formulation.problem, self.case.topology.world
        ranks = {
            rank
            for table in self.formulation.items.tables[item]
            for target in self.decisions[table].targets
            for rank in world.ranks_of(self.decisions[table].sharding.lands, target)
        }
        domain = problem.domain.copy()
        own = problem.item_of_option == item
        is_there = np.isin(np.arange(problem.device_count), sorted(ranks))
        there = problem.domains[domain[own][0]] & is_there
        domain[own] = len(problem.domains)
        on_them = replace(problem, domain=domain, domains=np.vstack([problem.domains, there]))
        return refit(on_them, placement, item) or refit(problem, placement, item)

    def _best(
        self, now: Placement, found: Sequence[Placement], open_items: NDArray[np.int64]
    ) -> Placement:
        """Of some placements; of those that seem best where stand-ins are in them."""
        problem = self.formulation.problem
        ordered = sorted(found, key=lambda each: evaluate(problem, each).objective)
        if len(open_items) == problem.item_count:
            return ordered[0]
        return min(
            ordered[:_COUNTED],
            key=lambda each: self._seconds(self._changed(now, each, open_items)),
        )

    def _finals(self, now: Placement, open_items: NDArray[np.int64]) -> Iterator[Placement]:
        """Placements in which few of the ``open_items`` lie otherwise."""
        ends = self.deadline.within(self.deadline.seconds_left * _ALONE_SHARE)
        placement, promising = now, list[int]()
        for number in range(self.most):
            found = list[tuple[Refit, int]]()
            for item in open_items.tolist():
                other = None if ends.is_over else refit(self.formulation.problem, placement, item)
                if other is not None and other.fits:
                    found.append((other, item))
            if not found:
                break
            found.sort(key=lambda each: each[0].objective)
            if not number:
                promising = [item for _, item in found[: _PROMISING // 2]]
            tried = [each.placement for each, _ in found[:_COUNTED]]
            placement = self._best(now, tried, open_items)
            yield placement
        worth = self._worth(now)
        by_place = sorted(open_items.tolist(), key=lambda item: -worth[item])
        promising = list(dict.fromkeys([*promising, *by_place]))[:_PROMISING]
        sets = combinations(range(len(promising)), min(self.most, len(promising)))
        for chosen in sorted(sets, key=sum):
            if self.deadline.is_over:
                return
            final = self._solved(now, [promising[place] for place in chosen])
            if final is not None:
                yield final

    def _solved(self, now: Placement, items: Sequence[int]) -> Placement | None:
        """The best found with some items free and all others pinned."""
        problem = self.formulation.problem
        is_free = np.isin(np.arange(problem.item_count), items)
        part = Subproblem.of(problem, now, is_free, np.ones(problem.option_count, dtype=bool))
        start = part.start()
        limited = replace(
            self.settings.until(self.deadline), effort=_SET_EFFORT, threads=1, gap=_SET_GAP
        )
        found = solve(part.problem, limited, starts=[start] if start else [])
        return None if found.placement is None else part.merged(found.placement)

    def _worth(self, placement: Placement) -> NDArray[np.float64]:
        """(I,): seconds of each item, those on the slowest devices of a stage counting most."""
        problem = self.formulation.problem
        load = evaluate(problem, placement).load_seconds
        most = load.max(axis=0)
        relative = np.divide(load, most, out=np.zeros_like(load), where=most > 0)
        units = device_counts(problem, placement).astype(np.float64)
        own = problem.load_seconds[placement.option]
        worth: NDArray[np.float64] = ((units @ relative**_SHARPNESS) * own).sum(axis=1)
        return worth

    def _changed(
        self, now: Placement, then: Placement, open_items: NDArray[np.int64]
    ) -> tuple[Decision, ...]:
        """The plan's own decisions but for tables of items that lie otherwise."""
        before, after = (self.formulation.decisions(each) for each in (now, then))
        items = set(open_items.tolist())
        of_table = self.formulation.items.of_table.tolist()
        return tuple(
            new if of_table[own.table] in items and new != old else own
            for own, old, new in zip(self.decisions, before, after, strict=True)
        )

    def _in_steps(self, now: Placement, then: Sequence[Decision]) -> Iterator[TableChange]:
        """Item by item as far as these pay alone, else as many at once as it takes."""
        of_table = self.formulation.items.of_table.tolist()
        pairs = list(zip(self.decisions, then, strict=True))
        changed = sorted({of_table[own.table] for own, new in pairs if own != new})

        def mixed(items: frozenset[int]) -> tuple[Decision, ...]:
            return tuple(new if of_table[own.table] in items else own for own, new in pairs)

        seconds = {
            items: self._seconds(mixed(items))
            for size in range(len(changed) + 1)
            for items in map(frozenset, combinations(changed, size))
            if size in (0, len(changed)) or self._is_allowed(now, mixed(items))
        }
        done, number = frozenset[int](), 0
        while True:
            saved = {
                items: seconds[done] - after
                for items, after in seconds.items()
                if items > done and seconds[done] - after >= _LEAST_GAIN * seconds[done]
            }
            if not saved:
                return
            best = max(saved, key=lambda items: (saved[items] / len(items - done), -len(items)))
            number += 1
            for own, new in pairs:
                if own != new and of_table[own.table] in best - done:
                    label = self.case.workload.tables[own.table].label
                    yield TableChange(label, own, new, seconds[best], number)
            done = best

    def _is_allowed(self, now: Placement, decisions: Sequence[Decision]) -> bool:
        """Whether some of the changes keep within all that the plan itself keeps within."""
        problem = self.formulation.problem
        placement, is_placed = self.formulation.placement(decisions)
        if not is_placed.all():
            return True
        is_legal_now, fits_now = is_legal(problem, now), evaluate(problem, now).fits
        return (is_legal(problem, placement) or not is_legal_now) and (
            evaluate(problem, placement).fits or not fits_now
        )

    def _seconds(self, decisions: Sequence[Decision]) -> float:
        return objective_of(self.case, decisions)


def objective_of(case: Case, decisions: Sequence[Decision]) -> float:
    """Seconds of what the case minimises."""
    found = predict(case, decisions)
    if case.objective is Objective.STEP_TIME:
        return found.step_seconds
    return found.balance_seconds
