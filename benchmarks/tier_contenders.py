"""Rules for tables that HBM does not hold: whole ones there and the rest in DDR, or equal caches.

All place whole tables, one after the other, each on the device that has borne the least so far.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from shardplan.build_case import case_of_value
from shardplan.errors import NoPlanFound
from shardplan.plan.decision import Decision, options_of
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.baselines.published import GreedyCost, greedy_costs

if TYPE_CHECKING:
    from collections.abc import Callable

    from contenders import Limits
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet

UNIFORM_LOAD_FACTOR = 0.2
"""TorchRec's default for caches (``CACHE_LOAD_FACTOR``)."""
_SHARES = np.arange(100, 0, -1) / 100


def greedy_over_ddr(case: Case, limits: Limits, kind: GreedyCost) -> tuple[Decision, ...]:
    """Tables in HBM as long as it has room, and the others in DDR, as RecShard's baselines.

    Raises NoPlanFound where none fits.
    """
    tables = case.workload.tables
    rows, dims = (np.array([getattr(t, name) for t in tables]) for name in ("rows", "dim"))
    poolings = np.array([table.pooling for table in tables])
    sizes = case.cost_model.unit_costs(whole_tables(case, Kernel.FUSED)).memory_bytes[:, 0]
    costs = greedy_costs(kind, rows, dims, poolings, sizes)
    return _best_filled(case, costs, Kernel.FUSED)


def equal_caches(case: Case, limits: Limits) -> tuple[Decision, ...]:
    """A cache of the same share of each table, the largest up to TorchRec's that fits.

    Raises NoPlanFound where none fits.
    """
    costs = _torchrec_perf(case)
    for share in _SHARES:
        load_factor = UNIFORM_LOAD_FACTOR * float(share)
        found = _placed(case, costs, Kernel.FUSED_UVM_CACHING, load_factor, 1.0)
        if all(d.kernel is Kernel.FUSED_UVM_CACHING for d in found) and _fits(case, found):
            return found
    raise NoPlanFound("no uniform load factor fits")


def caches_over_ddr(case: Case, limits: Limits) -> tuple[Decision, ...]:
    """TorchRec's cache for each table as long as HBM has room, and the others in DDR alone.

    Raises NoPlanFound where none fits.
    """
    return _best_filled(case, _torchrec_perf(case), Kernel.FUSED_UVM_CACHING, UNIFORM_LOAD_FACTOR)


def whole_tables(case: Case, kernel: Kernel, load_factor: float | None = None) -> OptionSet:
    """One option for each table: whole, with this kernel."""
    tables = range(len(case.workload.tables))
    return options_of([_whole(table, 0, kernel, load_factor) for table in tables])


TIER_CONTENDERS: dict[str, Callable[[Case, Limits], tuple[Decision, ...]]] = {
    "size-greedy, rest in DDR": partial(greedy_over_ddr, kind=GreedyCost.SIZE),
    "lookup-greedy, rest in DDR": partial(greedy_over_ddr, kind=GreedyCost.LOOKUP),
    "size-lookup-greedy, rest in DDR": partial(greedy_over_ddr, kind=GreedyCost.SIZE_LOOKUP),
    "caches of 0.2, rest in DDR": caches_over_ddr,
    "equal caches": equal_caches,
}
"""By name, in the order in which they are shown."""


def _best_filled(
    case: Case, costs: NDArray[np.float64], kernel: Kernel, load_factor: float | None = None
) -> tuple[Decision, ...]:
    """With as much of HBM given to ``kernel`` as leaves room for the buffers of all tables."""
    for share in _SHARES:
        found = _placed(case, costs, kernel, load_factor, float(share))
        if _fits(case, found):
            return found
    raise NoPlanFound("however little of HBM the tables fill, the buffers do not fit")


def _placed(
    case: Case,
    costs: NDArray[np.float64],
    kernel: Kernel,
    load_factor: float | None,
    share: float,
) -> tuple[Decision, ...]:
    """Tables by falling cost: with ``kernel`` where a device has room, else in DDR.

    Devices take ``share`` of their free HBM for what ``kernel`` keeps there.
    """
    devices = case.topology.world_size
    options = whole_tables(case, kernel, load_factor)
    sizes = case.cost_model.unit_costs(options).memory_bytes[:, 0]
    room = np.full(devices, case.capacity.free_bytes[0] * share)
    borne = np.zeros(devices)
    found = []
    for table in np.lexsort((np.arange(len(costs)), -costs)).tolist():
        fits = room >= sizes[table]
        device = int(np.where(fits | ~fits.any(), borne, np.inf).argmin())
        borne[device] += costs[table]
        if fits.any():
            room[device] -= sizes[table]
            cached = kernel, load_factor
        else:
            cached = Kernel.FUSED_UVM, None
        found.append(_whole(table, device, *cached))
    return tuple(sorted(found, key=lambda decision: decision.table))


def _fits(case: Case, decisions: tuple[Decision, ...]) -> bool:
    """Whether no device or node holds more than it may."""
    prediction, usable = predict(case, decisions), case.capacity.usable_bytes
    in_hbm = prediction.rank_memory_bytes[:, 0] <= usable[0]
    in_node = prediction.node_memory_bytes[:, 1:] <= usable[1:]
    return bool(in_hbm.all() and in_node.all())


def _torchrec_perf(case: Case) -> NDArray[np.float64]:
    """(I,) seconds of each whole table with TorchRec's cache, by TorchRec's own estimator."""
    theirs = case_of_value(case.resolved | {"cost_model": "torchrec"}, "torchrec's ruler")
    options = whole_tables(case, Kernel.FUSED_UVM_CACHING, UNIFORM_LOAD_FACTOR)
    seconds: NDArray[np.float64] = theirs.cost_model.unit_costs(options).load_seconds.sum(axis=1)
    return seconds


def _whole(table: int, device: int, kernel: Kernel, load_factor: float | None) -> Decision:
    return Decision(table, ShardingType.TABLE_WISE, kernel, 1, (device,), load_factor)
