"""What is compared: each takes a case and returns a plan, or the decisions that make one."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.decision import Decision, options_of
from shardplan.planning.planner import make_plan
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.baselines.published import (
    GreedyCost,
    greedy_costs,
    place_by_differencing,
    place_greedily,
)
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_FP32_BYTES = 4
TORCHREC = ("torchrec", "torchrec-perf")
"""TorchRec's planner: with its default partitioner, and with the one that sorts by perf."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long contenders may take, and to what gap shardplan goes."""

    gap: float = 0.001
    time_limit_seconds: float = 60.0
    torchrec_seconds: int = 60
    """After these TorchRec's planner returns the best that it has found."""
    torchrec_rates: Mapping[str, float] | None = None
    """Bytes per second by the names of ruler.yaml, whose rates it gets otherwise."""


def shardplan(case: Case, limits: Limits) -> Plan:
    """The method ``auto``, up to the finished plan."""
    settings = Settings(gap=limits.gap, time_limit_seconds=limits.time_limit_seconds)
    return make_plan(case, settings, Reporter())


def greedy(case: Case, limits: Limits, kind: GreedyCost) -> tuple[Decision, ...]:
    """A published greedy baseline: fp32 weights alone count against the capacity."""
    tables = case.workload.tables
    rows = np.array([table.rows for table in tables], dtype=np.float64)
    dims = np.array([table.dim for table in tables], dtype=np.float64)
    poolings = np.array([table.pooling for table in tables])
    sizes = rows * dims * _FP32_BYTES
    costs = greedy_costs(kind, rows, dims, poolings, sizes)
    return _whole_tables(place_greedily(costs, sizes, _capacities(case)))


def ldm(case: Case, limits: Limits) -> tuple[Decision, ...]:
    """Largest differencing on the seconds and bytes of whole tables, as the ruler has them."""
    everywhere = _whole_tables(np.zeros(len(case.workload.tables), dtype=np.int64))
    costs = case.cost_model.unit_costs(options_of(everywhere))
    free = np.full(case.topology.world_size, case.capacity.free_bytes[0])
    placed = place_by_differencing(costs.load_seconds.sum(axis=1), costs.memory_bytes[:, 0], free)
    return _whole_tables(placed)


def at_random(case: Case, limits: Limits) -> tuple[Decision, ...]:
    """Whole tables anywhere, whatever fits."""
    tables, devices = len(case.workload.tables), case.topology.world_size
    return _whole_tables(np.random.default_rng(0).integers(devices, size=tables))


def torchrec(case: Case, limits: Limits, by_perf: bool) -> tuple[Decision, ...]:
    """TorchRec's own planner under TorchRec's own constants for these devices."""
    from torchrec_planner import plan_with_torchrec

    seconds, rates = limits.torchrec_seconds, limits.torchrec_rates
    return plan_with_torchrec(case, seconds, by_perf=by_perf, rates=rates)


CONTENDERS: dict[str, Callable[[Case, Limits], Plan | tuple[Decision, ...]]] = {
    "shardplan": shardplan,
    TORCHREC[0]: partial(torchrec, by_perf=False),
    TORCHREC[1]: partial(torchrec, by_perf=True),
    "greedy-dim": partial(greedy, kind=GreedyCost.DIM),
    "greedy-size": partial(greedy, kind=GreedyCost.SIZE),
    "greedy-lookup": partial(greedy, kind=GreedyCost.LOOKUP),
    "greedy-size-lookup": partial(greedy, kind=GreedyCost.SIZE_LOOKUP),
    "ldm": ldm,
    "random": at_random,
}
"""By name, in the order in which they are shown."""


def available_contenders() -> list[str]:
    """All of them; without TorchRec's planner where torchrec is not installed."""
    there = importlib.util.find_spec("torchrec") is not None
    return [name for name in CONTENDERS if there or name not in TORCHREC]


def _whole_tables(device_of: NDArray[np.int64]) -> tuple[Decision, ...]:
    return tuple(
        Decision(table, ShardingType.TABLE_WISE, Kernel.FUSED, targets=(device,))
        for table, device in enumerate(device_of.tolist())
    )


def _capacities(case: Case) -> NDArray[np.float64]:
    return np.full(case.topology.world_size, case.capacity.usable_bytes[0])
