"""Exponential service, of which answers are known."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from shardplan.latency.lattice import Lattice
from shardplan.latency.rounding import Rounding


@dataclass(frozen=True)
class Exponential:
    mean_seconds: float = 1.0
    cv2: float = 1.0

    @property
    def nearly_longest_seconds(self) -> float:
        return -log(1e-9) * self.mean_seconds

    def lattice(self, step_seconds, points, rounding=Rounding.NEAREST) -> Lattice:
        survival = np.exp(-np.arange(points) * step_seconds / self.mean_seconds)
        return Lattice.of_survival(step_seconds, survival, rounding)
