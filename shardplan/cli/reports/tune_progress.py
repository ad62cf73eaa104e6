"""How a tuning goes, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.output import tell
from shardplan.explain.words import words
from shardplan.tune.tune_reporter import TuneReporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.tune.candidates.candidate import Candidate
    from shardplan.tune.job.job import JobFailed


class TellingTuneReporter(TuneReporter):
    """A line for each thing that happens."""

    def solving(self, round_: int) -> None:
        """Plans of a round are looked for."""
        tell(f"round {round_}: looking for plans")

    def proposed(self, round_: int, candidates: Sequence[Candidate]) -> None:
        """They are found; none are new."""
        names = ", ".join(each.name for each in candidates) or "none that did not run yet"
        tell(f"round {round_}: {names}")

    def measured(self, name: str, number: int, step_seconds: float) -> None:
        """A plan ran in a pass."""
        tell(f"pass {number}: {name} takes {words.seconds(step_seconds)} a step")

    def doubted(self, name: str, step_seconds: float, elapsed_seconds: float) -> None:
        """A step is said to take longer than the whole run took."""
        step, whole = words.seconds(step_seconds), words.seconds(elapsed_seconds)
        tell(f"{name}: a step of {step} in a run of {whole}: step_seconds counts in seconds")

    def failed(self, name: str, error: JobFailed, is_left_out: bool) -> None:
        """The job failed under a plan, which then is left out, or has another try."""
        tell(f"{name} {'is left out' if is_left_out else 'failed, and has another try'}: {error}")

    def stopped(self, error: JobFailed) -> None:
        """The job does not run any more."""
        tell(f"the job fails again and again: {error}")

    def leads(self, name: str) -> None:
        """Another plan is the fastest."""
        tell(f"{name} is the fastest so far")
