"""What the log of a job says of its plan: what ``shardplan explain`` would, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.explain.words import words
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.explain.numbers.explanation import DeviceLine, Explanation, PhaseLine
    from shardplan.plan.file.plan import Plan

_BOTTLENECKS = 2
_MOST_RANKS = 16
"""Ranks whose memory is told one by one; of more, the fullest."""


def summary(plan: Plan, case: Case) -> Iterator[str]:
    """The objective with its bound and gap, the two longest phases, memory rank by rank."""
    found = explain(Study.of(plan, plan.name, case))
    yield (
        f"{plan.name}: {len(found.tables)} tables on {words.plural(found.world_size, 'device')}, "
        f"costs by {found.cost_model}: {found.objective} {words.seconds(found.objective_seconds)}, "
        f"lower bound {words.seconds(found.lower_bound_seconds)}, gap {words.gap(found.gap)}, "
        f"ended by {found.termination}"
    )
    longest = sorted(found.phases, key=lambda phase: (phase.is_hidden, -phase.seconds))
    for phase in longest[:_BOTTLENECKS]:
        yield f"bottleneck {_phase(phase)}"
    yield from _memory(found)


def _phase(phase: PhaseLine) -> str:
    where = "all ranks alike" if phase.rank is None else f"rank {phase.rank} slowest"
    mostly = ", ".join(f"{each.table} {words.seconds(each.seconds)}" for each in phase.tables)
    told = f"{phase.name}: {words.seconds(phase.seconds)}, {where}, max/mean {phase.imbalance:.2f}"
    return f"{told}, mostly {mostly}" if mostly else told


def _memory(found: Explanation) -> Iterator[str]:
    devices = found.devices
    if len(devices) > _MOST_RANKS:
        devices = tuple(sorted(devices, key=lambda each: -each.hbm.used_bytes)[:_MOST_RANKS])
        yield f"memory of the {_MOST_RANKS} fullest of {found.world_size} ranks"
    for each in devices:
        yield f"memory {_device(each)}"


def _device(device: DeviceLine) -> str:
    held, use = device.memory_bytes, device.hbm
    more = "".join(
        f", {format_bytes(size)} {tier}"
        for tier, size in (("ddr", held.ddr), ("ssd", held.ssd))
        if size
    )
    used, usable = format_bytes(use.used_bytes), format_bytes(use.usable_bytes)
    return f"rank {device.rank}: {used} of {usable} hbm ({words.percent(use.fraction)}){more}"
