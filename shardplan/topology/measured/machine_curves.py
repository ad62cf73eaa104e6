"""Collectives as they were measured on one machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.topology.collective import Collective
    from shardplan.topology.measured.curve_file import AcrossCurveFile, CurveFile, MachineCurvesFile


@dataclass(frozen=True, slots=True)
class MeasuredCurve:
    """Points of one collective among some devices."""

    collective: Collective
    ranks: int
    domains: int
    """Scale-up domains over which the ranks are spread evenly."""
    bytes_per_second: float
    """Of the link of one device, one direction: its NICs where there are several domains."""
    points: tuple[tuple[float, float], ...]
    """(bytes, seconds): the buffer of one device, as nccl-tests counts it."""
    excess_bytes_per_second: float | None = None
    """For what the busiest device's buffer exceeds the mean by; None: all are as busy."""


@dataclass(frozen=True, slots=True)
class MachineCurves:
    """What was measured on a machine itself; nothing where it has no curves of its own."""

    scale_up: tuple[MeasuredCurve, ...] = ()
    scale_out: tuple[MeasuredCurve, ...] = ()

    @classmethod
    def of(cls, file: MachineCurvesFile) -> MachineCurves:
        """The curves of a file."""
        inside = file.scale_up
        return cls(
            inside_curves(inside.curves, inside.link.value) if inside else (),
            across_curves(file.scale_out),
        )


def inside_curves(
    files: tuple[CurveFile, ...], link_bytes_per_second: float
) -> tuple[MeasuredCurve, ...]:
    """Of one scale-up domain."""
    return tuple(
        MeasuredCurve(
            file.collective, file.ranks, 1, link_bytes_per_second, file.points, file.excess
        )
        for file in files
    )


def across_curves(files: tuple[AcrossCurveFile, ...]) -> tuple[MeasuredCurve, ...]:
    """Of several domains."""
    return tuple(
        MeasuredCurve(file.collective, file.ranks, file.nodes, file.rate, file.points, file.excess)
        for file in files
    )
