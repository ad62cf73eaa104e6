"""One way to serve one stage of a funnel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.latency.queue import Queue

if TYPE_CHECKING:
    from shardplan.latency.lattice import Lattice
    from shardplan.latency.service import Service


@dataclass(frozen=True, eq=False, slots=True)
class StageWay:
    """A model on replicas of one kind of device, with so many candidates of each query."""

    name: str
    """Model, candidates and kind, as the user calls them."""
    service: Service
    """Seconds of one query on one worker, without waiting."""
    workers: int
    """Queries that a replica serves at a time."""
    price: float = 1.0
    """Of a replica, in the user's unit."""
    most_replicas: int = 1

    def utilisation(self, queries_per_second: float, replicas: int) -> float:
        """Share of the time that workers are busy."""
        return self._queue(queries_per_second, replicas, 1.0).utilisation

    def latency(
        self, queries_per_second: float, replicas: int, arrivals_cv2: float
    ) -> Lattice | None:
        """Wait and service of this stage, queries being sent to replicas at random; None where the
        queue grows without end."""
        return self._queue(queries_per_second, replicas, arrivals_cv2).latency()

    def _queue(self, queries_per_second: float, replicas: int, arrivals_cv2: float) -> Queue:
        cv2 = 1 + (arrivals_cv2 - 1) / replicas
        return Queue(queries_per_second / replicas, self.workers, self.service, cv2)
