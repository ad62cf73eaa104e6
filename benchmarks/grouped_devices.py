"""Groups of devices that each hold all tables: what a step takes, and how nearly linear it grows.

Part of ``scale.py``: the tables are Meta's 856, some twice, on nodes of eight H100.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from own_process import in_own_process
from report import number
from table_sets import many_of_856

from shardplan.build_case import case_of_value
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SERIES = {
    "1,024 devices": "1024x1x20,1024x4x20,1024x4x1",
    "groups of 256": "256x1x20,512x2x20,1024x4x20,2048x8x20,4096x16x20",
}
"""Devices, groups, and steps from one sync to the next."""
TABLES = 1_000
HEADER = (
    "series",
    "devices",
    "groups",
    "steps a sync",
    "step ms",
    "bound ms",
    "sync ms",
    "samples/s",
    "x first, a device",
    "CPU s",
    "peak MiB",
    "ended by",
)
_GAP = 0.01
_LOCAL_BATCH = 512
_DEVICES_PER_NODE = 8


@dataclass(frozen=True, slots=True)
class GroupPoint:
    """One solve, from the plain values of a spec to the finished plan of one group."""

    series: str
    tables: int
    devices: int
    groups: int
    sync_every: int
    step_seconds: float
    lower_bound_seconds: float
    sync_seconds: float
    """In each step, on average."""
    samples_per_second: float
    """Of all groups."""
    of_first: float
    """Samples of each device, over those of the first point of the series."""
    cpu_seconds: float
    peak_bytes: int
    termination: str


def measured(series: str, sizes: str, tables: int, seconds: float) -> Iterator[GroupPoint]:
    """A point for each of ``sizes``, such as ``1024x4x20``, in processes of their own."""
    first = 0.0
    for size in sizes.split(","):
        devices, groups, every = (int(part) for part in size.split("x"))
        returned = in_own_process(_plan, _spec(tables, devices, groups, every), seconds)
        step, bound, sync, cpu_seconds, termination = returned.value
        each = _LOCAL_BATCH / step
        first = first or each
        yield GroupPoint(
            series,
            tables,
            devices,
            groups,
            every,
            step,
            bound,
            sync,
            each * devices,
            each / first,
            cpu_seconds,
            returned.peak_bytes,
            termination,
        )


def _spec(tables: int, devices: int, groups: int, every: int) -> dict[str, Any]:
    replicas = {"groups": groups, "sync_every": every}
    return {
        "name": f"{tables}x{devices}x{groups}",
        "batch": {"local": _LOCAL_BATCH},
        "topology": {"name": "dgx-h100", "nodes": devices // _DEVICES_PER_NODE},
        "training": {"optimizer": "rowwise_adagrad", "exact_updates": False, "replicas": replicas},
        "tables": many_of_856(tables),
    }


def _plan(spec: dict[str, Any], limit: float) -> tuple[float, float, float, float, str]:
    """Runs in the child."""
    settings = Settings(gap=_GAP, time_limit_seconds=limit)
    started = time.process_time()
    plan = make_plan(case_of_value(spec, spec["name"]), settings, Reporter())
    seconds = time.process_time() - started
    forecast, claim = plan.prediction, plan.optimality
    sync = forecast.phases.get("replica_sync", 0.0)
    bound = claim.lower_bound_seconds
    return forecast.step_seconds, bound, sync, seconds, claim.termination.value


def as_lines(points: list[GroupPoint]) -> list[tuple[str, ...]]:
    """The points as text, in the order of ``HEADER``."""
    return [
        (
            p.series,
            f"{p.devices:,}",
            str(p.groups),
            str(p.sync_every),
            number(p.step_seconds * 1e3, 3),
            number(p.lower_bound_seconds * 1e3, 3),
            number(p.sync_seconds * 1e3, 3),
            f"{p.samples_per_second:.3g}",
            f"{p.of_first:.1%}",
            number(p.cpu_seconds, 3),
            number(p.peak_bytes / 2**20, 0),
            p.termination,
        )
        for p in points
    ]
