"""TorchRec's estimate of the same measurements, with its default constants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.select import read_cost_model, select_pricing
from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.spec.catalog.catalog import Kind
from shardplan.spec.catalog.source import named_source
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.topology.build_topology import build_topology
from shardplan.topology.schema import TopologyFile
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.measurements.table_set import TableSet

_HERE = Path(__file__).parent


def table_seconds(
    tables: Sequence[Table], batch: int, ranks: int, phases: Sequence[str]
) -> NDArray[np.float64]:
    """(T,): what each table, whole on one of ``ranks`` devices of a node, adds to ``phases``."""
    source = named_source(Kind.COST_MODEL, "torchrec", _HERE)
    workload = Workload("measured", tuple(tables), batch, Training())
    pricing = select_pricing(read_cost_model(source), source, _HERE)
    model = pricing.cost_model(workload, build_topology(_node(ranks), 1))
    whole = np.full(len(tables), SHARDING_TYPES.index(ShardingType.TABLE_WISE), np.int8)
    fused = np.full(len(tables), KERNELS.index(Kernel.FUSED), np.int8)
    cuts = np.ones(len(tables), np.int32)
    options = OptionSet.uncached(np.arange(len(tables), dtype=np.int32), whole, fused, cuts)
    chosen = [index for index, phase in enumerate(model.phases) if phase.name in phases]
    return model.unit_costs(options).load_seconds[:, chosen].sum(axis=1)


def set_seconds(sets: Sequence[TableSet], ranks: int) -> NDArray[np.float64]:
    """(sets,): forward and backward pass over sets of tables of one batch."""
    tables = list({table: None for each in sets for table in each.tables})
    seconds = table_seconds(tables, sets[0].batch, ranks, ("lookup_forward", "update_backward"))
    of = dict(zip(tables, seconds.tolist(), strict=True))
    return np.array([sum(of[table] for table in each.tables) for each in sets])


def exchange_seconds(columns: NDArray[np.int64], batch: int, phase: str) -> NDArray[np.float64]:
    """(M,): an all-to-all among ranks with that many columns each, (M, ranks): the slowest rank."""
    widths = np.unique(columns[columns > 0])
    tables = [
        Table(f"t_{dim}", "m", 1_000, int(dim), Dtype.FP32, ("f",), (1.0,), Uniform())
        for dim in widths
    ]
    seconds = table_seconds(tables, batch, columns.shape[1], (phase,))
    found = seconds[np.searchsorted(widths, columns)]
    return np.where(columns > 0, found, 0.0).max(axis=1)


def _node(ranks: int) -> TopologyFile:
    value = {
        "name": "node",
        "cost_model": "torchrec",
        "nodes": 1,
        "devices_per_node": ranks,
        "device": {"hbm": {"capacity": "1TB", "read": "1TB/s"}, "host_link": "1TB/s"},
        "scale_up": {"kind": "switch", "bandwidth": "100GB/s"},
    }
    return validate(TopologyFile, Document(value, "node"))
