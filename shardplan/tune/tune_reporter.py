"""Who is told how a tuning goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.tune.candidates.candidate import Candidate
    from shardplan.tune.job.job import JobFailed


class TuneReporter:
    """Hears of the loop's progress; every hook does nothing unless overridden."""

    def solving(self, round_: int) -> None:
        """Plans of a round are looked for."""

    def proposed(self, round_: int, candidates: Sequence[Candidate]) -> None:
        """They are found; none are new."""

    def measured(self, name: str, number: int, step_seconds: float) -> None:
        """A plan ran in a pass."""

    def doubted(self, name: str, step_seconds: float, elapsed_seconds: float) -> None:
        """A step is said to take longer than the whole run took."""

    def failed(self, name: str, error: JobFailed, is_left_out: bool) -> None:
        """The job failed under a plan, which then is left out, or has another try."""

    def stopped(self, error: JobFailed) -> None:
        """The job does not run any more."""

    def leads(self, name: str) -> None:
        """Another plan is the fastest."""
