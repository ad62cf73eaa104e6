"""What is known of each machine: the fewest nodes that do, and why fewer cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.size.answer.target import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.size.answer.design import Design
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.impossible import Impossible
    from shardplan.size.answer.point import Point


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one machine."""

    machine: str
    fewest: Point | None
    """The plan of the fewest nodes, of these the fastest, that reaches the target."""
    fewer_possible: Design | None
    """Fewer nodes that no proof rules out: they were not solved, or their plans fall short."""
    is_fewer_dominated: bool
    """Whether these were left alone because a plan of the front beats whatever they do."""
    cannot: Impossible | None
    """Of what cannot, the most nodes."""

    @property
    def is_ruled_out(self) -> bool:
        """Whether every candidate of the machine is proven impossible."""
        return self.fewest is None and self.fewer_possible is None


def verdicts(front: Front) -> tuple[Verdict, ...]:
    """Of each machine, in the order of their names."""
    return tuple(_verdict(front, machine) for machine in sorted(set(_machines(front))))


def reaches(front: Front, point: Point) -> bool:
    """Whether a plan reaches the front's target; any does where there is none."""
    target = front.target
    if target is None:
        return True
    if target.kind is TargetKind.WITHIN:
        return point.time_seconds <= target.value
    needed = target.step_seconds(point.design.global_batch)
    return needed is None or point.step_seconds <= needed


def _machines(front: Front) -> Iterator[str]:
    yield from (point.design.machine for point in front.points)
    yield from (each.designs.first.machine for each in front.dominated)
    yield from (each.designs.first.machine for each in front.impossible)
    yield from (each.designs.first.machine for each in front.open)


def _verdict(front: Front, machine: str) -> Verdict:
    known = (p for p in front.solved_points() if p.design.machine == machine)
    found = [point for point in known if reaches(front, point)]
    fewest = min(found, key=lambda p: (p.design.nodes, p.step_seconds, p.design), default=None)
    beaten = {each.designs.first for each in front.dominated}
    unsure = beaten | {each.designs.first for each in front.open}
    mine = (design for design in unsure if design.machine == machine)
    least = min(mine, key=lambda design: (design.nodes, design), default=None)
    if fewest is not None and least is not None and least.nodes >= fewest.design.nodes:
        least = None
    cannot = [each for each in front.impossible if each.designs.first.machine == machine]
    return Verdict(
        machine,
        fewest,
        least,
        least in beaten,
        max(cannot, key=lambda each: (each.designs.last.nodes, each.designs.last), default=None),
    )
