"""What two plans predict, phase by phase and device by device."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from shardplan.cost.phases import DENSE
from shardplan.plan.file.rounding import rounded

if TYPE_CHECKING:
    from shardplan.plan.file.forecast import Forecast, RankForecast


@dataclass(frozen=True, slots=True)
class PhaseChange:
    """A phase that takes another time; a side that does not have it spends nothing."""

    name: str
    old_seconds: float
    new_seconds: float
    old_rank: int
    new_rank: int
    """The slowest device, the first of several."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """Load and memory of one device."""

    busy_seconds: float
    """Over the phases that do not hide behind the batch before."""
    hbm_bytes: int
    ddr_bytes: int
    ssd_bytes: int


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """A device whose load or memory is another; None on the side that does not have it."""

    rank: int
    old: DeviceState | None
    new: DeviceState | None


def phase_changes(old: Forecast, new: Forecast) -> tuple[PhaseChange, ...]:
    """The phases that differ, in the order of the new plan; the dense part is one of them."""
    before, after = _dense_parts(old, new)
    found = [
        PhaseChange(name, before.get(name, 0.0), after.get(name, 0.0), 0, 0)
        for name in dict.fromkeys((*after, *before))
    ]
    for name in dict.fromkeys((*new.phases, *old.phases)):
        seconds = old.phases.get(name, 0.0), new.phases.get(name, 0.0)
        found.append(PhaseChange(name, *seconds, _slowest(old, name), _slowest(new, name)))
    return tuple(phase for phase in found if phase.old_seconds != phase.new_seconds)


def _dense_parts(old: Forecast, new: Forecast) -> tuple[dict[str, float], dict[str, float]]:
    """Of both plans, as finely as both know it."""
    if old.dense_phases and new.dense_phases:
        return old.dense_phases, new.dense_phases
    return {DENSE.name: old.dense_seconds}, {DENSE.name: new.dense_seconds}


def device_changes(old: Forecast, new: Forecast) -> tuple[DeviceChange, ...]:
    """The devices that differ, in order of rank."""
    before = [_state(rank, old.hideable) for rank in old.ranks]
    after = [_state(rank, new.hideable) for rank in new.ranks]
    return tuple(
        DeviceChange(rank, then, now)
        for rank, (then, now) in enumerate(zip_longest(before, after))
        if then != now
    )


def _state(rank: RankForecast, hideable: frozenset[str]) -> DeviceState:
    busy = sum(seconds for name, seconds in rank.phases.items() if name not in hideable)
    held = rank.memory_bytes
    return DeviceState(rounded(busy), held.hbm, held.ddr, held.ssd)


def _slowest(forecast: Forecast, phase: str) -> int:
    seconds = [rank.phases.get(phase, 0.0) for rank in forecast.ranks]
    return seconds.index(max(seconds)) if seconds else 0
