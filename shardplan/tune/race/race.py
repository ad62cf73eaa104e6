"""Plans that run in turn, pass after pass, until it is known which is the fastest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.plan.file.measured import Measured
from shardplan.tune.folder.tune_state import Run
from shardplan.tune.job.job import JobFailed, OutOfTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.tune.folder.tune_folder import TuneFolder
    from shardplan.tune.job.job import Job
    from shardplan.tune.ledger_of_runs import LedgerOfRuns
    from shardplan.tune.tune_reporter import TuneReporter

_SHORTEST_SECONDS = 1e-9
"""What is shorter, no clock tells."""
_FAILURES = 3
"""So many in a row of plans that have run before, or while none has, and it is the job that is at
fault."""


class Race:
    """Passes over the plans that may be the best."""

    def __init__(
        self, ledger: LedgerOfRuns, folder: TuneFolder, job: Job, reporter: TuneReporter
    ) -> None:
        self._ledger, self._folder, self._job, self._reporter = ledger, folder, job, reporter
        self._failed: list[str] = []
        """The plans of the runs that failed in a row."""
        self._not_theirs = 0
        """How many of these runs should have gone well."""
        self._suspects: set[str] = set()
        """Plans that ran before and whose last run failed."""
        self._is_doubted = False
        """Whether the unit of what is measured was doubted before."""

    def run(self, passes: int, is_over: Callable[[], bool]) -> None:
        """At most so many passes since the last round was over.

        Fewer where the order is known, or the time is up. Raises JobFailed where no plan runs, or
        none any more, and Interrupted.
        """
        self._finish(is_over)
        while self._ledger.passes_since < passes:
            names = self._next_names()
            if is_over() or not names:
                return
            self._ledger.begin_pass(_in_turn(names, len(self._ledger.state.passes)))
            self._finish(is_over)

    def _next_names(self) -> list[str]:
        """Who runs in the next pass; none where that would tell nothing."""
        ledger, standing = self._ledger, self._ledger.standing()
        running = ledger.running
        ran = {place.plan for place in standing.places}
        new = [name for position, name in enumerate(running) if position not in ran]
        contenders = [running[plan] for plan in standing.contenders]
        if not new and (standing.is_settled or len(contenders) < 2):
            return []
        return contenders + new

    def _finish(self, is_over: Callable[[], bool]) -> None:
        """What is left of the pass that was begun last."""
        number, names = self._ledger.unfinished()
        for name in names:
            if is_over():
                return
            self._run(name, number)

    def _run(self, name: str, number: int) -> None:
        ledger, before = self._ledger, self._ledger.best()
        try:
            run = self._measured(name, number)
        except OutOfTime:
            return
        except JobFailed as error:
            self._fail(name, error)
        else:
            self._failed, self._not_theirs = [], 0
            self._suspects.discard(name)
            ledger.add_run(run)
            self._reporter.measured(name, number, run.step_seconds)
            self._doubt(run)
        best = ledger.best()
        if best is not None and best != before:
            self._folder.put_best(best)
            self._reporter.leads(best)

    def _doubt(self, run: Run) -> None:
        """Say once that a step which takes longer than the run it was timed in is in another unit
        than seconds."""
        if run.step_seconds > run.elapsed_seconds and not self._is_doubted:
            self._is_doubted = True
            self._reporter.doubted(run.candidate, run.step_seconds, run.elapsed_seconds)

    def _fail(self, name: str, error: JobFailed) -> None:
        """Leave a plan out, or raise where it is rather the job that does not run.

        A plan that ran before has another try: it fails twice in a row before it is left out.
        """
        ledger = self._ledger
        ran, nothing_ran = ledger.has_run(name), not ledger.state.runs
        self._failed.append(name)
        self._not_theirs += ran or nothing_ran
        is_over = nothing_ran and ledger.running == [name]
        if self._not_theirs >= _FAILURES or is_over:
            ledger.forgive(self._failed)  # Run again, the job may be mended.
            raise error
        if ran and name not in self._suspects:
            self._suspects.add(name)
            self._reporter.failed(name, error, is_left_out=False)
            return
        self._reporter.failed(name, error, is_left_out=True)
        ledger.leave_out(name, error)

    def _measured(self, name: str, number: int) -> Run:
        """Run the job under a plan, and read what it measured."""
        folder, begun = self._folder, time.monotonic()
        measured = folder.measured_path(name, number)
        self._job.run(folder.plan_path(name), measured, folder.log_path(name, number))
        try:
            found = Measured.read(str(measured), self._ledger.plan(name))
        except InputError as error:
            raise JobFailed(
                "its measured file is refused", tuple(str(error).splitlines())
            ) from None
        if found.step_seconds is None:
            raise JobFailed(f"{measured} has no step_seconds, which plans are compared by")
        if found.step_seconds < _SHORTEST_SECONDS:
            raise JobFailed(f"step_seconds of {found.step_seconds:.3g} in {measured} are no step's")
        phases = {*found.phases, *(phase for rank in found.ranks for phase in rank.phases)}
        seconds = {phase: _told(found.seconds_of(phase)) for phase in sorted(phases)}
        return Run(
            candidate=name,
            number=number,
            step_seconds=found.step_seconds,
            phases=seconds,
            elapsed_seconds=time.monotonic() - begun,
        )


def _told(seconds: float | None) -> float:
    """0 where a phase takes no time that a clock tells."""
    return seconds if seconds is not None and seconds >= _SHORTEST_SECONDS else 0.0


def _in_turn(names: list[str], passes: int) -> list[str]:
    """Another one first in every second pass, and back again in the pass after it.

    Of a drift that is steady over two passes each plan so gets the same.
    """
    turn = passes // 2 % len(names)
    turned = [*names[turn:], *names[:turn]]
    return turned[::-1] if passes % 2 else turned
