"""Distributions of seconds at the points of a lattice."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from shardplan.latency.rounding import Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class Lattice:
    """Seconds at 0, one step, two steps and so on."""

    step_seconds: float
    masses: NDArray[np.float64]
    """(N,): the share at each point. What is missing of 1 lies beyond the last."""

    @classmethod
    def of_survival(
        cls, step_seconds: float, survival: NDArray[np.float64], rounding: Rounding
    ) -> Lattice:
        """From the (N,) shares that take longer than each point, of a continuous distribution."""
        at_zero, between = 1 - survival[0], survival[:-1] - survival[1:]
        down, up = np.append(between, 0.0), np.append(0.0, between)
        halves = (down + up) / 2
        masses = {Rounding.DOWN: down, Rounding.NEAREST: halves, Rounding.UP: up}[rounding].copy()
        masses[0] += at_zero
        return cls(step_seconds, masses)

    @property
    def mean_seconds(self) -> float:
        """Of what lies on the lattice."""
        return float(self.masses @ np.arange(len(self.masses))) * self.step_seconds

    @property
    def survival(self) -> NDArray[np.float64]:
        """(N,): the share beyond each point."""
        left: NDArray[np.float64] = (1 - np.cumsum(self.masses)).clip(min=0.0)
        return left

    def quantile(self, share: float) -> float:
        """The least seconds within which ``share`` ends; infinite beyond the lattice."""
        at = int(np.searchsorted(np.cumsum(self.masses), share - _ROUNDING))
        return at * self.step_seconds if at < len(self.masses) else inf

    def plus(self, other: Lattice) -> Lattice:
        """One after the other, independent of each other; the steps must be the same."""
        points = len(self.masses)
        size = 2 * max(points, len(other.masses))
        both = np.fft.rfft(self.masses, size) * np.fft.rfft(other.masses, size)
        masses = np.fft.irfft(both, size)[:points].clip(min=0.0)
        return Lattice(self.step_seconds, masses)

    def largest_of(self, shares: NDArray[np.float64]) -> Lattice:
        """The slowest of k that are independent, k being 1 with share ``shares[0]`` and so on."""
        below = np.cumsum(self.masses).clip(max=1.0)
        mixed = sum(share * below ** (k + 1) for k, share in enumerate(shares.tolist()))
        return Lattice(self.step_seconds, np.diff(mixed, prepend=0.0))

    def stretched(self, factor: float) -> Lattice:
        """The same with all seconds multiplied."""
        points = np.arange(len(self.masses), dtype=np.float64)
        # In the middle between two points half of the upper one is below.
        below = np.cumsum(self.masses)
        at_most = np.interp(points / factor, points, below)
        return Lattice(self.step_seconds, np.diff(at_most, prepend=0.0))
