"""Measured times of a collective by message size, and what lies between the points."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.topology.measured.machine_curves import MeasuredCurve


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line: ``constant_seconds + seconds_per_byte * bytes``."""

    constant_seconds: float
    seconds_per_byte: float

    def seconds(self, size_bytes: float) -> float:
        """Seconds for this many bytes."""
        return self.constant_seconds + self.seconds_per_byte * size_bytes


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds of a collective for a buffer of that many bytes, at measured points.

    Straight in log-log between the points, flat before the first (its latency). Past the last point
    the straight line through the last two goes on, so that start-up is paid once, but no steeper
    than in proportion to the bytes. Points rise in bytes and never fall in seconds.
    """

    points: tuple[tuple[float, float], ...]
    """(bytes, seconds)."""
    excess_seconds_per_byte: float | None = None
    """For what the busiest device's buffer exceeds the mean by; None: as if all had as much."""

    @classmethod
    def of(cls, measured: MeasuredCurve) -> Curve:
        """Through measured points."""
        excess = measured.excess_bytes_per_second
        return cls(measured.points, excess and 1 / excess)

    @property
    def latency_seconds(self) -> float:
        """What the smallest message costs."""
        return self.points[0][1]

    @property
    def seconds_per_byte(self) -> float:
        """Of the largest message, start-up included."""
        size, seconds = self.points[-1]
        return seconds / size

    @property
    def _beyond(self) -> Line:
        """Past the last point."""
        size, seconds = self.points[-1]
        slope = self.seconds_per_byte
        if len(self.points) > 1:
            size_before, seconds_before = self.points[-2]
            slope = min(slope, (seconds - seconds_before) / (size - size_before))
        return Line(seconds - slope * size, slope)

    def seconds(self, size_bytes: float) -> float:
        """Seconds for this many bytes."""
        if size_bytes <= self.points[0][0]:
            return self.latency_seconds
        if size_bytes >= self.points[-1][0]:
            return self._beyond.seconds(size_bytes)
        size, seconds, steepness = self._segment(size_bytes)
        return seconds * exp(steepness * log(size_bytes / size))

    def seconds_of_unequal(self, mean_bytes: float, largest_bytes: float) -> float:
        """Seconds where devices' buffers differ."""
        if self.excess_seconds_per_byte is None:
            return self.seconds(largest_bytes)
        excess_bytes = largest_bytes - mean_bytes
        return self.seconds(mean_bytes) + self.excess_seconds_per_byte * excess_bytes

    def tangent(self, size_bytes: float) -> Line:
        """The line through the curve at this size, for a model that must be linear.

        It goes on at the rate of excess bytes where there is one: the line is asked for the largest
        buffer, where all have ``size_bytes`` on average. Elsewhere it touches the curve.

        Up to the last point its slope is at least the seconds per byte of that one, so that bytes
        never come for free where the curve is flat, and at most that of the line through the
        origin, so that its constant is never negative.
        """
        seconds = self.seconds(size_bytes)
        average = seconds / max(size_bytes, 1.0)
        slope = self.excess_seconds_per_byte
        if slope is None and size_bytes >= self.points[-1][0]:
            slope = self._beyond.seconds_per_byte
        elif slope is None:
            slope = max(self._steepness(size_bytes) * average, self.seconds_per_byte)
        slope = min(average, slope)
        return Line(max(0.0, seconds - slope * size_bytes), slope)

    def _steepness(self, size_bytes: float) -> float:
        """The slope in log-log, up to the last point."""
        if size_bytes <= self.points[0][0]:
            return 0.0
        return self._segment(size_bytes)[2]

    def _segment(self, size_bytes: float) -> tuple[float, float, float]:
        """The point before a size inside the curve, and the slope in log-log from there."""
        after = bisect_right(self.points, size_bytes, key=lambda point: point[0])
        (size, seconds), (next_size, next_seconds) = self.points[after - 1], self.points[after]
        return size, seconds, log(next_seconds / seconds) / log(next_size / size)
