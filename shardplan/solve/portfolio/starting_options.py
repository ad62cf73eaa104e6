"""One option for each item, chosen anew for every search by an integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.large_units import LargeUnits, large_units
from shardplan.solve.bound.option_choice import choose_options
from shardplan.solve.mixing.representatives import Representatives, fine_enough
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.problem import Shape
from shardplan.solve.program.answer import Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.portfolio.record import Record
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Limits

_LARGEST_CHOICE = 200_000
"""Options up to which an integer program chooses among them."""
_CHOICE_NODES = 2000
"""Nodes of its tree, when the caller does not limit them."""
_LARGEST_MIXED_CHOICE = 5_000
"""The same for a bound where options can be mixed, which takes longer and gives less."""
_CHOICE_NODE_OPTIONS = 3_000_000
"""Nodes times options of the tree that proves a bound."""
_GRAINS = ((0.3, 0.97), (0.6, 0.98), (0.4, 0.97), (0.8, 0.95))
"""Where options can be mixed, cycle by cycle: the share of a device's memory that a chosen unit may
fill, and how much of it the chosen options together: large units and full devices cost least, but
hardly can be placed."""
_LARGEST_LOAD = 0.8
"""The share of a stage that such a unit may bear."""
_JITTER = 0.04
"""How far, relatively, the balance that options are chosen for strays from what was reached."""
_LEAST_BALANCE = 0.5
"""Mean over maximum of a stage's loads below which options are not chosen for it."""


class Choices:
    """Choices of options that report bounds to a record.

    The first choice takes it that all devices can be loaded alike, which gives a bound, and the
    second that they can but for those that hold large units, which gives a better one; the next
    ones know how well a placement could balance each stage, and avoid options that lean on stages
    that balance badly.

    Where options can be mixed, one of each blend stands for it, and units that nearly fill a device
    are left aside: more of them, or fewer, from one choice to the next.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._problem = record.problem
        self._few = Representatives.of(record.problem, record.relaxation)
        self._mixes = self._few.problem is not record.problem
        self._made = 0
        self._weighed_large = False

    def make(self, cycle: int) -> NDArray[np.int64] | None:
        """(I,): an option for each item, or None."""
        record = self._record
        self._made += 1
        allowed = record.worth_trying()
        if allowed.sum() > _LARGEST_CHOICE:
            return None
        record.reporter.starting("option choice")
        large = None if self._mixes else self._large_units(allowed)
        if large or (cycle == 0 and not self._mixes):
            return self._choose_for_bound(allowed, large)
        if self._mixes and self._made == 2 and allowed.sum() <= _LARGEST_MIXED_CHOICE:
            self._choose_for_bound(allowed, None)
        choice = choose_options(
            self._few.problem,
            self._fine(allowed[self._few.option], cycle),
            record.relaxation.unit_rows,
            self._limits(_CHOICE_NODES),
            stop_above=record.objective,
            watch=Watch(record.should_stop),
            balance=self._hoped_for(cycle),
            filling=self._filling(cycle),
        )
        return None if choice.option is None else self._few.option[choice.option]

    def _hoped_for(self, cycle: int) -> NDArray[np.float64]:
        """(S,): what the best placement reached, a little of it by chance; at first, all.

        Where options can be mixed, the greedy placements tell nothing of what can be reached.
        """
        record = self._record
        if record.placement is None or (self._mixes and self._made == 1):
            return np.ones(self._problem.stage_count)
        rng = np.random.default_rng((record.settings.seed, cycle))
        spread = 1.0 + _JITTER * rng.uniform(-1.0, 1.0, self._problem.stage_count)
        reached = _balance(self._problem, record.placement)
        hoped: NDArray[np.float64] = (reached * spread).clip(_LEAST_BALANCE, 1.0)
        return hoped

    def _fine(self, allowed: NDArray[np.bool_], cycle: int) -> NDArray[np.bool_]:
        """(O',): of representatives, those without units too large to be placed well."""
        if not self._mixes:
            return allowed
        largest_bytes, _ = _GRAINS[cycle % len(_GRAINS)]
        relaxation = self._record.relaxation
        return fine_enough(self._few.problem, allowed, relaxation, _LARGEST_LOAD, largest_bytes)

    def _filling(self, cycle: int) -> float:
        """How full of memory devices are hoped to get."""
        return _GRAINS[cycle % len(_GRAINS)][1] if self._mixes else 1.0

    def _choose_for_bound(
        self, allowed: NDArray[np.bool_], large: LargeUnits | None
    ) -> NDArray[np.int64] | None:
        """The same for devices that can be loaded alike, or but for large units: a bound."""
        record = self._record
        nodes = min(_CHOICE_NODES, int(_CHOICE_NODE_OPTIONS // allowed.sum()))
        choice = choose_options(
            record.problem,
            allowed,
            record.relaxation.unit_rows,
            self._limits(nodes),
            stop_above=record.objective,
            watch=record.watch("option choice"),
            large=large,
        )
        record.prove(choice.lower_bound, "option choice")
        return choice.option

    def _limits(self, nodes: int) -> Limits:
        record = self._record
        return record.limits(record.nodes(nodes), record.settings.gap / 10)

    def _large_units(self, allowed: NDArray[np.bool_]) -> LargeUnits | None:
        """Once, when a search has found something good: what large units waste."""
        record = self._record
        if self._weighed_large or self._made < 2 or record.placement is None:
            return None
        self._weighed_large = True
        return large_units(
            record.problem,
            allowed,
            record.relaxation.unit_rows,
            record.objective,
            record.limits(),
        )


def _balance(problem: Problem, placement: Placement) -> NDArray[np.float64]:
    """(S,): the mean load of each stage over its maximum, all-device options aside."""
    load = evaluate(problem, placement).load_seconds
    everywhere = placement.option[problem.shape[placement.option] == Shape.ALL]
    base = problem.load_seconds[everywhere].sum(axis=0)
    most, mean = load.max(axis=0) - base, load.mean(axis=0) - base
    ratio = np.divide(mean, most, out=np.ones_like(mean), where=most > 1e-12 * load.max(initial=0))
    reached: NDArray[np.float64] = ratio.clip(_LEAST_BALANCE, 1.0)
    return reached
