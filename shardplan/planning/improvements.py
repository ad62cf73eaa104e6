"""Plans as a solve finds them: the first at once, better ones now and then."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from shardplan.errors import Interrupted, ShardplanError
from shardplan.plan.verify import verify
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.outcome import Outcome

_EVERY_SECONDS = 1.0
"""Between two plans, at least."""
_TIMES_AS_LONG = 20.0
"""As what one takes, between two of them: so little of a solve goes into its makeshifts."""


class Improvements(Reporter):
    """Makes verified plans of what a solve finds, and passes on all else that it hears.

    ``build`` makes a plan of an outcome; ``tell`` hears of each that is verified: against the
    ``case`` that it is made for, or else against the spec that it carries. What cannot be built is
    left out: of the last plan, the caller says why. Nothing is begun after the ``deadline``, when
    it would hardly end before, or once the last plan is asked for; what is built by then is not
    verified any more. The first takes ``seconds``, about, and others what the one before took.
    """

    def __init__(
        self,
        reporter: Reporter,
        build: Callable[[Outcome], Plan],
        tell: Callable[[Plan], None],
        deadline: Deadline,
        should_stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        case: Case | None = None,
        seconds: float = 0.0,
    ) -> None:
        self._reporter, self._build, self._tell = reporter, build, tell
        self._deadline, self._should_stop, self._clock = deadline, should_stop, clock
        self._case = case
        self._outcome: Callable[[], Outcome] | None = None
        self._is_new, self._next, self._took = False, float("-inf"), seconds

    def starting(self, stage: str) -> None:
        """Pass it on."""
        self._reporter.starting(stage)

    def improved(self, objective_seconds: float, method: str) -> None:
        """Pass it on."""
        self._reporter.improved(objective_seconds, method)

    def found(self, outcome: Callable[[], Outcome]) -> None:
        """Tell of a plan, if that is due."""
        self._reporter.found(outcome)
        self._outcome, self._is_new = outcome, True
        self._tell_if_due()

    def bounded(self, lower_bound_seconds: float, method: str) -> None:
        """Pass it on; the plan is to have it too."""
        self._reporter.bounded(lower_bound_seconds, method)
        self._is_new = self._outcome is not None

    def ticking(self) -> None:
        """Tell of what was found in the meantime, if that is due."""
        self._reporter.ticking()
        if self._is_new:
            self._tell_if_due()

    def _tell_if_due(self) -> None:
        began = self._clock()
        if self._outcome is None or began < self._next or self._deadline.is_over:
            return
        if self._deadline.seconds_left < self._took or self._should_stop():
            return
        self._is_new = False
        with suppress(ShardplanError):
            plan = self._build(self._outcome())
            if not verify(plan, self._case, self._heed):
                self._tell(plan)
        self._took = self._clock() - began
        self._next = began + max(_EVERY_SECONDS, _TIMES_AS_LONG * self._took)

    def _heed(self) -> None:
        """Leave off verifying once the last plan is asked for."""
        if self._should_stop():
            raise Interrupted("the last plan is asked for")
