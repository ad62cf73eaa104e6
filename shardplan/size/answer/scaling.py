"""How a machine scales: the throughput of more and more of its nodes, and what binds each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.size.answer.anatomy import Bottleneck
    from shardplan.size.answer.design import Design
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.point import Point

_FEWEST = 2
"""Node counts of a curve."""


class Scaling(StrEnum):
    """What stays the same while nodes are added."""

    STRONG = "strong"
    """The samples of a step over all devices."""
    WEAK = "weak"
    """The samples of a step on each device."""


@dataclass(frozen=True, slots=True)
class ScalingStep:
    """The fastest plan of some nodes."""

    design: Design
    step_seconds: float
    step_bound_seconds: float
    samples_per_second: float
    efficiency: float
    """Its throughput per device over that of the curve's first: 1 is linear."""
    binds: Bottleneck


@dataclass(frozen=True, slots=True)
class ScalingCurve:
    """One machine at more and more nodes."""

    kind: Scaling
    machine: str
    batch: float
    """Samples of a step over all devices, or on each."""
    is_ungrouped: bool
    """Whether all devices hold the tables together; else in whichever groups are fastest."""
    steps: tuple[ScalingStep, ...]
    """By nodes, at least two."""


def scaling_curves(front: Front) -> tuple[ScalingCurve, ...]:
    """Every curve through plans that are known, by machine and batch.

    Where groups are faster somewhere, the curve with them and the one without are both there.
    """
    return tuple(_curves(front))


def _curves(front: Front) -> Iterator[ScalingCurve]:
    keyed: dict[tuple[Scaling, str, float], list[Point]] = defaultdict(list)
    for point in front.solved_points():
        design = point.design
        if not point.samples_per_second:
            continue  # Of a step of no time there is nothing to compare.
        keyed[Scaling.STRONG, design.machine, design.global_batch].append(point)
        keyed[Scaling.WEAK, design.machine, design.local_batch].append(point)
    for (kind, machine, batch), points in sorted(keyed.items(), key=lambda item: item[0]):
        fastest = _fastest(points)
        alone = _fastest(point for point in points if point.design.groups == 1)
        for one in [alone] if alone == fastest else [fastest, alone]:
            if len(one) >= _FEWEST:
                yield ScalingCurve(kind, machine, batch, one is alone, _steps(one))


def _fastest(points: Iterable[Point]) -> list[Point]:
    """Of each number of nodes, in their order."""
    by_nodes: dict[int, Point] = {}
    for point in sorted(points, key=lambda point: (point.step_seconds, point.design)):
        by_nodes.setdefault(point.design.nodes, point)
    return [by_nodes[nodes] for nodes in sorted(by_nodes)]


def _steps(points: list[Point]) -> tuple[ScalingStep, ...]:
    first = points[0].samples_per_second / points[0].design.devices
    return tuple(
        ScalingStep(
            point.design,
            point.step_seconds,
            point.step_bound_seconds,
            point.samples_per_second,
            point.samples_per_second / point.design.devices / first,
            point.anatomy.binds,
        )
        for point in points
    )
