"""Candidates side by side on the machines of a Ray cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.errors import ShardplanError
from shardplan.size.crew.crew import Crew
from shardplan.size.crew.job import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.size.crew.job import Job, Result

_POLL_SECONDS = 0.2


class RayCrew(Crew):
    """The cluster that ``RAY_ADDRESS`` names, else one on this machine.

    Raises ShardplanError where Ray is not installed.
    """

    def __init__(self) -> None:
        try:
            import ray
        except ImportError:
            raise ShardplanError(
                "Ray is not installed; pip install 'shardplan[profile-ray]', or leave --engine out"
            ) from None
        if not ray.is_initialized():
            ray.init(log_to_driver=False, configure_logging=False)
        self._ray: Any = ray
        self._run: Any = ray.remote(num_cpus=1)(run)

    def results(
        self, jobs: Sequence[Job], should_stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Result]]:
        """As they come."""
        numbers = {self._run.remote(job): number for number, job in enumerate(jobs)}
        while numbers:
            done, _ = self._ray.wait(list(numbers), timeout=_POLL_SECONDS)
            if should_stop():
                for left in numbers:
                    self._ray.cancel(left, force=True)
                return
            for each in done:
                yield numbers.pop(each), self._ray.get(each)
