"""What tuning asks of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shardplan.errors import ShardplanError

if TYPE_CHECKING:
    from pathlib import Path


class JobFailed(ShardplanError):
    """A job did not run, or measured nothing; the plan that it ran may be at fault."""

    def __init__(self, reason: str, said: tuple[str, ...] = ()) -> None:
        self.reason, self.said = reason, said
        super().__init__("\n".join([reason, *(f"  | {line}" for line in said)]))


class OutOfTime(ShardplanError):
    """The budget ended while a plan was measured; the plan is not at fault."""


class Job(Protocol):
    """Whatever trains a few steps under a plan and says how long they took."""

    @property
    def words(self) -> str:
        """What it is, as a person would start it."""

    def run(self, plan: Path, measured: Path, log: Path) -> None:
        """Run under the plan in a file, and write what was measured (docs/plan-file.md).

        What it says besides goes to ``log``. Raises JobFailed, Interrupted where it was told to
        stop, and OutOfTime.
        """
