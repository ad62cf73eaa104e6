"""What a queue asks of the service that it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shardplan.latency.lattice import Lattice
    from shardplan.latency.rounding import Rounding


class Service(Protocol):
    """A distribution of seconds."""

    @property
    def mean_seconds(self) -> float:
        """Of all."""

    @property
    def cv2(self) -> float:
        """Squared coefficient of variation of all."""

    @property
    def nearly_longest_seconds(self) -> float:
        """What hardly any takes longer than."""

    def lattice(self, step_seconds: float, points: int, rounding: Rounding = ...) -> Lattice:
        """As it is at the points of a lattice."""
