"""The state of a solve: the best placement, the best bound, and whether it is time to stop."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import SolverError
from shardplan.solve.bound.relaxation import Relaxation
from shardplan.solve.bound.whole_groups import Branch
from shardplan.solve.mixing.best_mix import Spare, best_mix
from shardplan.solve.outcome import CUT_OFF, Ending, Outcome, Progress, gap_of
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.stages import merge_stages
from shardplan.solve.program.answer import Limits, Watch
from shardplan.solve.search.patience import Patience

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.budget import Budget
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_AGREEMENT = 1e-6
"""Relative difference allowed between a back end's objective and the recomputed one."""
_GRACE_SECONDS = 1.0
"""Beyond the limit or Ctrl-C, for the mix of what was found till then, and a first placement."""
FAR = 0.25
"""A gap beyond which a placement is taken for a makeshift."""
_PROVEN = 1e-6
"""A gap that rounding alone can leave; smaller ones cannot be asked for."""

_OF_AVERAGES = ("relaxation", "option choice")
"""Bounds that hold where row blocks are not alike."""


class Record:
    """Keeps the incumbent and the bound of one solve; every move reports here."""

    def __init__(self, problem: Problem, budget: Budget, reporter: Reporter) -> None:
        self.problem, self.budget, self.reporter = problem, budget, reporter
        self.placement: Placement | None = None
        self.objective = float("inf")
        self.lower_bound = 0.0
        self.relaxation = Relaxation.without_bound(problem, 0.0)
        self.branches: tuple[Branch, ...] = (Branch.root(problem, self.relaxation),)
        """By which groups with a charge are paid for, the most promising first; where nothing is
        charged for, a single one."""
        self.method, self.bound = "none", "none"
        self.history: list[Progress] = []
        self.earlier: list[Placement] = []
        """What was taken before, in the order in which it was."""
        self.enough_seconds = 0.0
        """An objective of which no better one is looked for."""
        self._start = time.monotonic()
        self._seen: set[str] = set()
        self._patience = Patience(budget.patience_seconds, budget.deadline.clock)
        self._grace = budget.deadline.extended(_GRACE_SECONDS)
        self._cut_off: Ending | None = None
        """By what the clock ended any part of the solve, though others may have gone on."""
        self.is_exhausted = False
        """Whether all placements were weighed: none is better by more than the gap asked for,
        though no bound may say so where placements turn out better than they are charged."""

    @classmethod
    def begun(cls, problem: Problem, settings: Settings, reporter: Reporter) -> Self:
        """Of a solve that begins now: to merge the stages of very many options counts as well."""
        budget = settings.budget()
        return cls(merge_stages(problem), budget, reporter)

    def begin_pass(self, effort: float) -> None:
        """Let all that follows spend so much, relative to what pays for a whole problem."""
        self.budget = replace(self.budget, effort=effort)

    @property
    def seconds(self) -> float:
        """Since the solve began."""
        return time.monotonic() - self._start

    def limits(self, nodes: int | None = None, relative_gap: float = 0.0) -> Limits:
        """Of a program, or several one after the other: none lasts beyond the time limit."""
        return Limits(self.budget.deadline, nodes, relative_gap)

    def is_first(self, occasion: str) -> bool:
        """Whether this is the first time that the solve asks of an occasion."""
        is_first = occasion not in self._seen
        self._seen.add(occasion)
        return is_first

    @property
    def place_count(self) -> int:
        """Items times devices: how large the problem is."""
        return self.problem.item_count * self.problem.device_count

    @property
    def gap(self) -> float:
        """What is proven so far."""
        return gap_of(self.objective, self.lower_bound)

    @property
    def is_far(self) -> bool:
        """Whether there is no placement yet, or one far above the bound: any better one counts."""
        return self.gap > FAR

    @property
    def scale_seconds(self) -> float:
        """The magnitude of what the placement decides about the objective."""
        constant = self.problem.objective.constant_seconds
        return max(self.lower_bound - constant, self.lower_bound * 1e-3, 1e-12)

    def worth_trying(self) -> NDArray[np.bool_]:
        """(O,): options that a placement better than the incumbent can contain, and its own.

        A little of an option costs little: with one option all that it can be mixed with stay.
        """
        least = np.full(self.problem.option_count, np.inf)
        np.minimum.at(least, self.problem.blend, self.relaxation.reduced_cost)
        return self._within_reach(least[self.problem.blend])

    def worth_drawing(self) -> NDArray[np.bool_]:
        """(O,): the same for options that are not mixed, as the search sees them."""
        return self._within_reach(self.relaxation.reduced_cost)

    def _within_reach(self, cost: NDArray[np.float64]) -> NDArray[np.bool_]:
        slack = self.objective - self.relaxation.lower_bound
        allowed: NDArray[np.bool_] = cost <= slack * (1 + 1e-6)
        if self.placement is not None:
            allowed[self.placement.option] = True
        return allowed

    def offer(self, placement: Placement, method: str, claimed: float | None = None) -> bool:
        """Take a placement if it is legal, fits and is better; its objective is recomputed.

        Options that can be mixed are mixed at their best. Raises SolverError when it costs more
        than was ``claimed`` for it.
        """
        if not is_legal(self.problem, placement):
            return False
        placement = best_mix(self.problem, placement, limits=Limits(self._grace))
        evaluation = evaluate(self.problem, placement)
        if claimed is not None and evaluation.objective > claimed * (1 + _AGREEMENT):
            raise SolverError(
                f"{method} claims {claimed:.9g} s for a placement of {evaluation.objective:.9g} s"
            )
        if not evaluation.fits or evaluation.objective >= self.objective:
            return False
        if self.placement is not None:
            self.earlier.append(self.placement)
        self.placement, self.objective, self.method = placement, evaluation.objective, method
        self.history.append(Progress(self.seconds, self.objective, self.lower_bound))
        self._patience.heard(self.objective, self.lower_bound)
        self.reporter.improved(self.objective, method)
        self.reporter.found(self._outcome_if_interrupted)
        return True

    def offer_last(self, placement: Placement, method: str) -> bool:
        """Offer what a move has come to; of options that can be mixed not where it was cut off.

        What a longer solve has in its stead, since it goes on there, may be worse once it is mixed:
        what that one would not have offered is left out, so that it never has a worse placement.
        """
        if self.placement is not None and self.problem.mixable.any() and self.should_stop():
            return False
        return self.offer(placement, method)

    def prove(self, lower_bound: float, bound: str) -> None:
        """Take a bound if it is higher; it never passes the incumbent, but for rounding.

        Where placements may turn out better than their objective, most bounds on that say nothing,
        and where options were left out, none does.
        """
        is_of_all = not self.problem.is_uneven or bound in _OF_AVERAGES
        if (self.problem.is_partial or not is_of_all) and lower_bound < float("inf"):
            return
        lower_bound = min(lower_bound, self.objective)
        if lower_bound <= self.lower_bound:
            return
        self.lower_bound, self.bound = lower_bound, bound
        self.history.append(Progress(self.seconds, self.objective, self.lower_bound))
        self._patience.heard(self.objective, self.lower_bound)
        self.reporter.bounded(self.lower_bound, bound)

    def watch(self, method: str) -> Watch:
        """What a back end is to be told: when to stop, and whom to tell of a rising bound."""
        told = self.lower_bound

        def tick(best: float, bound: float) -> None:
            nonlocal told
            seconds = bound * self.problem.time_unit
            if told < seconds < self.objective:
                told = seconds
                self.reporter.bounded(seconds, method)
                self._patience.heard(self.objective, seconds)
            self.reporter.ticking()

        return Watch(should_stop=self._has_had_enough, on_progress=tick)

    def watch_only(self) -> Watch:
        """The same for a program whose objective is not the solve's."""
        return Watch(self._has_had_enough, lambda best, bound: self.reporter.ticking())

    def should_stop(self) -> bool:
        """Whether the gap is met, time is up, or the user wants to stop."""
        self.reporter.ticking()
        return self.ending() is not None

    def is_overdue(self) -> bool:
        """Whether even a first placement comes too late."""
        return self._grace.is_over

    def _has_had_enough(self) -> bool:
        if self._patience.is_over:
            self.cut_off(Ending.PATIENCE)
        return self.budget.should_stop() or self._patience.is_over

    def cut_off(self, ending: Ending) -> None:
        """Hear how a part of the solve ended: what the clock did to it, it did to the whole."""
        if ending in CUT_OFF:
            self._cut_off = ending

    def ending(self) -> Ending | None:
        """Why to stop now; None to go on."""
        if self.budget.should_stop():
            return Ending.INTERRUPTED
        if self.gap <= max(self.budget.gap, _PROVEN) or self.lower_bound == float("inf"):
            return Ending.GAP
        if self.objective <= self.enough_seconds:
            return Ending.FINISHED
        if self.budget.deadline.is_over:
            self.cut_off(Ending.TIME_LIMIT)
            return Ending.TIME_LIMIT
        if self._patience.is_over:
            self.cut_off(Ending.PATIENCE)
            return Ending.PATIENCE
        return None

    def _ending_of_all(self) -> Ending:
        """How it ended: by the clock where that ended any part of it, whatever came then."""
        ending = self.ending()
        if ending is None:
            ending = Ending.FINISHED if self.is_exhausted else Ending.NODE_LIMIT
        if ending is Ending.INTERRUPTED:
            return ending
        if self.budget.deadline.is_over:
            return Ending.TIME_LIMIT
        return self._cut_off or ending

    def _outcome_if_interrupted(self) -> Outcome:
        return replace(self.outcome(), ending=Ending.INTERRUPTED)

    def outcome(self) -> Outcome:
        """How it ended; what could be mixed otherwise for the same objective is mixed thriftily."""
        placement, objective = self.placement, self.objective
        if placement is not None and placement.weights is not None:
            thrifty = best_mix(self.problem, placement, Spare.WORK, limits=Limits(self._grace))
            evaluation = evaluate(self.problem, thrifty)
            if evaluation.fits and evaluation.objective <= objective * (1 + _AGREEMENT):
                placement, objective = thrifty, evaluation.objective
        return Outcome(
            placement,
            objective,
            self.lower_bound,
            self.bound,
            self.method,
            self._ending_of_all(),
            tuple(self.history),
            tuple(self.earlier),
        )
