"""What failures, and checkpoints against them, leave of the time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from shardplan.spec.sizing.training_spec import FailuresSpec

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Goodput:
    """Shares of the time of a training; the rest is spent on steps.

    With a mean time ``M`` between failures of the cluster, checkpoints of ``d`` seconds every ``I``
    and a restart of ``R`` seconds::

        M = 1 / (nodes x rate)
        I = sqrt(2 d M)
        checkpoints = d / I
        failures    = (I / 2 + R) / M

    (Young, "A first order approximation to the optimum checkpoint interval", 1974; Daly, "A higher
    order estimate of the optimum checkpoint interval for restart dumps", 2006.)
    """

    checkpoints: float = 0.0
    failures: float = 0.0
    """Steps made again since the last checkpoint, and restarts."""
    interval_seconds: float = inf
    """From one checkpoint to the next."""
    between_failures_seconds: float = inf

    @classmethod
    def of(cls, spec: FailuresSpec | None, nodes: int, checkpoint_bytes: float) -> Self:
        """Of a cluster of so many nodes; all of it is for steps where nothing is stated."""
        if spec is None:
            return cls()
        rate = nodes * spec.per_node_day / _SECONDS_PER_DAY
        between = 1 / rate if rate else inf
        held_up = spec.checkpoint or 0.0
        if spec.checkpoint_rate is not None:
            held_up = checkpoint_bytes / nodes / spec.checkpoint_rate
        interval = sqrt(2 * held_up * between) if held_up else 0.0
        if spec.interval is not None:
            interval = spec.interval
        elif not rate:
            interval = inf
        checkpoints = held_up / interval if interval else 0.0
        failures = (interval / 2 + spec.restart) * rate if rate else 0.0
        return cls(checkpoints, failures, interval, between)

    @property
    def steps(self) -> float:
        """The share that is spent on steps; not above 0 where nothing is ever done."""
        return 1.0 - self.checkpoints - self.failures
