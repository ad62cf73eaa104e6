"""Whether a changed case has a plan at all, asked for as long as there is time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, InputError, ShardplanError
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
"""The most that one case is solved for."""


@dataclass(slots=True)
class Trials:
    """Asks whether cases near an infeasible one have a plan."""

    case: Case
    deadline: Deadline
    should_stop: Callable[[], bool] = lambda: False
    formulating_seconds: float = 0.0
    """What making and formulating a case, which nothing cuts short, took at most so far."""

    @property
    def is_over(self) -> bool:
        """Whether there is no time to formulate another case, or the user has heard enough."""
        return self.deadline.seconds_left <= self.formulating_seconds or self.should_stop()

    def has_plan(self, changed: Callable[[], Case]) -> bool | None:
        """Whether a case, made only if there is time, has one; None where the limits leave that
        open.

        Raises InputError where there is no such case.
        """
        if self.is_over:
            return None
        try:
            problem = self._problem(changed)
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
        spec = self.case.spec
        return self.has_plan(
            lambda: self.case.with_(
                tables=tuple(spec.tables[table] for table in tables),
                constraints=tuple(spec.constraints[number] for number in constraints),
            )
        )

    def _problem(self, changed: Callable[[], Case]) -> Problem:
        began = self.deadline.seconds_left
        try:
            return formulate(changed(), self.deadline).problem
        finally:
            took = began - self.deadline.seconds_left
            self.formulating_seconds = max(self.formulating_seconds, took)

    def _settings(self) -> Settings:
        return Settings(
            gap=_ANY_PLAN,
            time_limit_seconds=self.deadline.within(_SECONDS_EACH).seconds_left,
            should_stop=self.should_stop,
            effort=ONE_PASS,
        )
