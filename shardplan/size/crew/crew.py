"""Who solves candidates: this process, one after the other, or others side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.size.crew.job import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from shardplan.size.crew.job import Job, Result


class Crew:
    """This process alone."""

    def results(
        self, jobs: Sequence[Job], should_stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Result]]:
        """By its number among the jobs each result, as they come; none more once it should stop."""
        for number, job in enumerate(jobs):
            if should_stop():
                return
            yield number, run(job, should_stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing running."""
