"""Whether a changed case has a plan at all, asked for as long as there is time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, InputError, ShardplanError
from shardplan.planning.cases.sums import cases_by_sums
from shardplan.planning.cases.widths import cases_by_width
from shardplan.planning.formulate import formulate
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.settings import ONE_PASS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.case import Case
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.problem.problem import Problem

_ANY_PLAN = 1e9
"""A gap so wide that the first placement ends the search."""
_SECONDS_EACH = 2.0
"""The most that one case is solved for; ..."""
_SHARE_EACH = 0.5
"""... and of the time that is left, so that one case does not take it all."""


@dataclass(slots=True)
class Trials:
    """Asks whether cases near an infeasible one have a plan."""

    case: Case
    deadline: Deadline
    should_stop: Callable[[], bool] = lambda: False
    formulating_seconds: float = 0.0
    """What making and formulating a case, which nothing cuts short, took at most so far."""
    undecided: int = 0
    """Cases that were solved, or were to be, and of which the limits left it open."""

    @property
    def is_over(self) -> bool:
        """Whether there is no time to formulate another case, or the user has heard enough."""
        return self.deadline.seconds_left <= self.formulating_seconds or self.should_stop()

    def has_plan(self, changed: Callable[[], Case]) -> bool | None:
        """Whether a case, made only if there is time, has one; None where the limits leave that
        open.

        Raises InputError where there is no such case.
        """
        found = self._answer(changed)
        self.undecided += found is None
        return found

    def _answer(self, changed: Callable[[], Case]) -> bool | None:
        if self.is_over:
            return None
        began = self.deadline.seconds_left
        cases = [each for cut in cases_by_width(changed()) for each in cases_by_sums(cut)]
        making_seconds = began - self.deadline.seconds_left
        left_open = False
        for case in cases:
            found = None if self.is_over else self._has_plan(case, making_seconds)
            if found:
                return True
            left_open = left_open or found is None
        return None if left_open else False

    def _has_plan(self, case: Case, making_seconds: float) -> bool | None:
        """The same of a case whose column shards have one width in each module."""
        try:
            problem = self._problem(case, making_seconds)
            if self.deadline.is_over:
                return None
            outcome = solve(problem, self._settings())
        except Infeasible:
            return False
        except InputError:
            raise
        except ShardplanError:
            return None
        if outcome.placement is not None:
            return True
        return False if outcome.is_infeasible else None

    def with_only(self, tables: Sequence[int], constraints: Sequence[int]) -> bool | None:
        """Whether there is a plan for some tables under some constraints of the spec alone."""
        return self.has_plan(lambda: self.only(tables, constraints))

    def only(self, tables: Sequence[int], constraints: Sequence[int]) -> Case:
        """The case of some tables under some constraints of the spec alone."""
        spec = self.case.spec
        return self.case.with_(
            tables=tuple(spec.tables[table] for table in tables),
            constraints=tuple(spec.constraints[number] for number in constraints),
        )

    def _problem(self, case: Case, making_seconds: float) -> Problem:
        began = self.deadline.seconds_left
        try:
            return formulate(case, self.deadline).problem
        finally:
            took = making_seconds + began - self.deadline.seconds_left
            self.formulating_seconds = max(self.formulating_seconds, took)

    def _settings(self) -> Settings:
        return Settings(
            gap=_ANY_PLAN,
            time_limit_seconds=min(_SECONDS_EACH, _SHARE_EACH * self.deadline.seconds_left),
            should_stop=self.should_stop,
            effort=ONE_PASS,
        )
