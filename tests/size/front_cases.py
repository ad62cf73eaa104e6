"""A front made by hand, of three machines."""

from __future__ import annotations

from typing import Any

from shardplan.cost.part import Part
from shardplan.size.answer.anatomy import Anatomy, Bottleneck, FigureCounts, PhaseOfStep
from shardplan.size.answer.design import Design, DesignRange
from shardplan.size.answer.dominated import Dominated
from shardplan.size.answer.front import Front
from shardplan.size.answer.impossible import Impossible, Proof
from shardplan.size.answer.open import Open, OpenReason
from shardplan.size.answer.point import Point
from shardplan.size.answer.price_facts import PriceFacts
from shardplan.size.answer.target import Target, TargetKind
from shardplan.spec.fields.figure import Provenance
from shardplan.spec.sizing.goal import Goal

SAMPLES = 1e9
BATCH = 65536
PRICES = {"dgx-b200": 68.8, "dgx-h200": 50.44, "dgx-h100": 49.24}
"""USD per node and hour."""


def design(machine: str, nodes: int, batch: int = BATCH, groups: int = 1) -> Design:
    return Design(
        machine=machine, nodes=nodes, devices_per_node=8, groups=groups, global_batch=batch
    )


def worth(machine: str, nodes: int, step_seconds: float, batch: int = BATCH) -> tuple[float, float]:
    """Seconds and USD of all samples."""
    seconds = SAMPLES / batch * step_seconds
    return seconds, seconds / 3600 * nodes * PRICES[machine]


def point(
    machine: str,
    nodes: int,
    step_seconds: float,
    bound_seconds: float,
    binds: str = "dense",
    link: str = "",
    **more: Any,
) -> Point:
    made = design(machine, nodes, **more)
    seconds, cost = worth(machine, nodes, step_seconds, made.global_batch)
    least_seconds, least_cost = worth(machine, nodes, bound_seconds, made.global_batch)
    return Point(
        design=made,
        plan_sha256="0" * 64,
        step_seconds=step_seconds,
        step_bound_seconds=bound_seconds,
        samples_per_second=made.global_batch / step_seconds,
        samples=SAMPLES,
        time_seconds=seconds,
        time_bound_seconds=least_seconds,
        time_terms={"steps": seconds},
        cost=cost,
        cost_bound=least_cost,
        cost_terms={"nodes": cost},
        anatomy=Anatomy(
            phases=(
                PhaseOfStep(name="dense", part=Part.DENSE, seconds=0.4 * step_seconds),
                PhaseOfStep(name="output_comm", part=Part.NETWORK, seconds=0.6 * step_seconds),
            ),
            binds=Bottleneck(phase=binds, share=0.6, link=link),
            memory_shares={"hbm": 0.61 / nodes, "ddr": 0.0},
            figures=FigureCounts(measured=12, datasheet=3, estimated=2),
        ),
    )


def dominated(machine: str, nodes: int, bound_seconds: float, by: Point) -> Dominated:
    seconds, cost = worth(machine, nodes, bound_seconds)
    return Dominated(
        designs=DesignRange.of(design(machine, nodes)),
        by=by.design,
        step_bound_seconds=bound_seconds,
        time_bound_seconds=seconds,
        cost_bound=cost,
    )


def front() -> Front:
    """Of 13 candidates: four on the front, five dominated, three impossible, one within the gap."""
    first = point("dgx-b200", 1, 2.24e-3, 2.21e-3)
    second = point("dgx-b200", 2, 1.69e-3, 1.60e-3, "output_comm", "nic:0.3 -> core")
    third = point("dgx-h200", 4, 1.63e-3, 1.50e-3, "output_comm", "nic:0.3 -> core")
    fourth = point("dgx-b200", 8, 1.38e-3, 1.20e-3, "gradient_comm", "nic:0.3 -> core")
    late = point("dgx-h200", 8, 1.40e-3, 1.22e-3)
    seconds, cost = worth("dgx-h200", 8, 1.22e-3)
    return Front(
        name="dlrm <dcnv2>",
        minimise=(Goal.TIME, Goal.COST),
        target=Target(kind=TargetKind.THROUGHPUT, value=20e6),
        samples=SAMPLES,
        currency="USD",
        gap=0.02,
        seed=0,
        candidates=13,
        solved=5,
        points=Front.sorted((fourth, second, first, third)),
        dominated=(
            dominated("dgx-h100", 2, 2.47e-3, first),
            dominated("dgx-h100", 4, 2.11e-3, second),
            dominated("dgx-h200", 2, 2.35e-3, first),
            Dominated(
                designs=DesignRange.of(*(design("dgx-h100", nodes) for nodes in (8, 16))),
                by=fourth.design,
                step_bound_seconds=1.41e-3,
                time_bound_seconds=worth("dgx-h100", 16, 1.41e-3)[0],
                cost_bound=worth("dgx-h100", 8, 1.95e-3)[1],
            ),
        ),
        impossible=(
            Impossible(
                designs=DesignRange.of(design("dgx-h100", 1)),
                proof=Proof(
                    quantity="step",
                    unit="seconds",
                    least=4.19e-3,
                    allowed=BATCH / 20e6,
                    terms={"dense": 2.5e-3, "lookup": 1.2e-3, "exchange": 0.49e-3},
                ),
            ),
            Impossible(
                designs=DesignRange.of(design("dgx-h200", 1), design("dgx-h200", 1, 2 * BATCH)),
                proof=Proof(quantity="hbm", unit="bytes", least=9e11, allowed=8e11),
            ),
        ),
        open=(
            Open(
                designs=DesignRange.of(late.design),
                reason=OpenReason.WITHIN_GAP,
                step_bound_seconds=1.22e-3,
                time_bound_seconds=seconds,
                cost_bound=cost,
                point=late,
            ),
        ),
        prices=tuple(
            PriceFacts(
                machine=machine,
                per_node_hour=price,
                provenance=Provenance.PUBLISHED,
                source="a vendor's list",
                date="2026-10-06",
            )
            for machine, price in sorted(PRICES.items())
        ),
    )
