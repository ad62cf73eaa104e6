"""A case with something about its spec changed, and whether it has a plan at all."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.case import case_of_value
from shardplan.errors import Infeasible, InputError, ShardplanError
from shardplan.formulate import formulate
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.case import Case

_ANY_PLAN = 1e9
"""A gap so wide that the first placement ends the search."""


@dataclass(frozen=True)
class Trials:
    """Asks of changed specs whether they have a plan, for so long as there is time."""

    case: Case
    deadline: float
    """By ``time.monotonic``."""
    seconds_each: float = 2.0
    should_stop: Callable[[], bool] = lambda: False

    @property
    def is_over(self) -> bool:
        """Whether time is up, or the user has heard enough."""
        return time.monotonic() >= self.deadline or self.should_stop()

    def has_plan(self, change: Callable[[dict[str, Any]], None]) -> bool | None:
        """Whether the spec with a change made to it has one; None where that is not known."""
        if self.is_over:
            return None
        spec = copy.deepcopy(self.case.resolved)
        change(spec)
        try:
            return has_plan(case_of_value(spec, "changed"), self._settings())
        except InputError:
            return None

    def with_only(self, tables: Sequence[int], constraints: Sequence[int]) -> bool | None:
        """The same with some tables and constraints alone."""
        names = [self.case.workload.tables[table].name for table in tables]

        def reduce(spec: dict[str, Any]) -> None:
            spec["tables"] = [spec["tables"][table] for table in tables]
            spec["constraints"] = [
                spec["constraints"][number] | {"tables": speaks_of}
                for number in constraints
                if (speaks_of := [n for n in names if n in self.names_of(number)])
            ]

        return self.has_plan(reduce)

    def names_of(self, constraint: int) -> list[str]:
        """The tables that a constraint speaks of."""
        tables = self.case.workload.tables
        return [tables[table].name for table in self.case.constraints[constraint].tables]

    def _settings(self) -> Settings:
        left = max(0.0, self.deadline - time.monotonic())
        seconds = min(self.seconds_each, left)
        return Settings(gap=_ANY_PLAN, time_limit_seconds=seconds, should_stop=self.should_stop)


def has_plan(case: Case, settings: Settings) -> bool | None:
    """Whether a case has a plan; None where the limits left that open."""
    try:
        outcome = solve(formulate(case).problem, settings)
    except Infeasible:
        return False
    except ShardplanError:
        return None
    if outcome.placement is not None:
        return True
    return False if outcome.is_infeasible else None
