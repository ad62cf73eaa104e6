"""One device of a plan: what it does in each phase, and which tables make it do so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.explain.numbers.explain import devices
from shardplan.explain.numbers.explanation import TierBytes
from shardplan.plan.file.rounding import rounded, whole_bytes

if TYPE_CHECKING:
    from shardplan.explain.numbers.explanation import DeviceLine
    from shardplan.explain.numbers.study import Study


@dataclass(frozen=True, slots=True)
class DevicePhase:
    """One phase on one device, beside the others."""

    name: str
    seconds: float
    mean_seconds: float
    """Over all devices."""
    slowest_seconds: float
    slowest_rank: int
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class DeviceTable:
    """What one table does to one device.

    It may lie on other devices of the node alone, and use memory that all of them share: then it
    needs no bytes here.
    """

    name: str
    sharding_type: str
    compute_kernel: str
    seconds: float
    """Over the phases that are not hidden."""
    memory_bytes: TierBytes
    """Weights, optimizer state, caches and buffers."""


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    """All that a plan says of one device."""

    line: DeviceLine
    node: int
    base_bytes: int
    """HBM that it needs whatever the placement: the dense model, activations."""
    phases: tuple[DevicePhase, ...]
    tables: tuple[DeviceTable, ...]
    """The costliest first."""


def device_detail(study: Study, rank: int) -> DeviceDetail:
    """Take the load of one device apart.

    Raises IndexError for a rank that the plan does not have.
    """
    if not 0 <= rank < study.case.topology.world_size:
        raise IndexError(rank)
    return DeviceDetail(
        line=devices(study)[rank],
        node=rank // study.case.topology.devices_per_node,
        base_bytes=whole_bytes(float(study.case.cost_model.base_memory_bytes[0])),
        phases=_phases(study, rank),
        tables=_tables(study, rank),
    )


def _phases(study: Study, rank: int) -> tuple[DevicePhase, ...]:
    return tuple(
        DevicePhase(
            name=phase.name,
            seconds=float(seconds[rank]),
            mean_seconds=rounded(float(seconds.mean())),
            slowest_seconds=float(seconds.max()),
            slowest_rank=int(seconds.argmax()),
            is_hidden=not counted,
        )
        for phase, seconds, counted in zip(
            study.case.cost_model.phases,
            study.rank_seconds.T,
            study.is_counted.tolist(),
            strict=True,
        )
    )


def _tables(study: Study, rank: int) -> tuple[DeviceTable, ...]:
    units = study.ledger.units_on(rank)
    spent = study.ledger.seconds_on(rank)[:, study.is_counted].sum(axis=1)
    held = study.ledger.bytes_on(rank)
    here = np.flatnonzero((units > 0) | (spent > 0))
    costliest = here[np.argsort(-spent[here], kind="stable")]
    return tuple(
        DeviceTable(
            name=study.planned[index].table.label,
            sharding_type=study.ledger.decisions[index].sharding.name,
            compute_kernel=study.ledger.decisions[index].kernel.name,
            seconds=rounded(float(spent[index])),
            memory_bytes=TierBytes(*(whole_bytes(value) for value in held[index].tolist())),
        )
        for index in costliest.tolist()
    )
