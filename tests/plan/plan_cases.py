"""A case whose costs are simple enough to check by hand."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from shardplan.capacity import Capacity
from shardplan.case import Case
from shardplan.cost.cost_model import BlockCosts, Charges, UnitCosts
from shardplan.cost.dense_costs import DenseCosts
from shardplan.cost.phase import Phase
from shardplan.options.constraint import Constraint
from shardplan.plan.build_plan import build_plan
from shardplan.plan.decision import Decision
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.sharding.world import World
from shardplan.spec.objective import Objective
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.pipeline.cover import Cover
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.workload import Workload

WORLD, EACH = 4, 2


@dataclass(frozen=True)
class PlainCosts:
    """Seconds in proportion to ids and bytes, memory in proportion to elements."""

    tables: tuple[Table, ...]
    phases = (
        Phase("ids", "", Cover.BATCH_BEFORE, constant_seconds=0.5),
        Phase("lookup", constant_seconds=0.25),
        Phase("wire"),
    )
    base_memory_bytes = np.array([1000.0, 100.0, 0.0])
    dense = DenseCosts(1.5, 0.0)
    reduction = Reduction()
    spill_share: float = 0.0
    """Of a unit's lookup in DDR, what the other devices of its node wait for it."""

    def unit_costs(self, options):
        rows = np.array([self.tables[t].rows for t in options.table], dtype=float)
        dims = np.array([self.tables[t].dim for t in options.table], dtype=float)
        width = dims / options.column_shards
        in_ddr = options.has_kernel(lambda kernel: kernel is Kernel.FUSED_UVM)
        weights = rows * width * 4
        nothing = np.zeros(len(options))
        spilt = np.where(in_ddr, width / 10 * self.spill_share, 0.0)
        return UnitCosts(
            np.column_stack([rows / 1e4, width / 10, rows * width / 1e5]),
            np.column_stack([np.where(in_ddr, 0, weights), np.where(in_ddr, weights, 0), nothing]),
            np.column_stack([nothing, spilt, nothing]),
        )

    def block_costs(self, options):
        return BlockCosts.all_alike(phases=3)

    def charges(self, options):
        return Charges.none(len(options), phases=3)

    def traffic(self, options):
        return None

    def shard_bytes(self, options, rows, columns):
        size, in_ddr = (
            rows * columns * 4.0,
            options.has_kernel(lambda kernel: kernel is Kernel.FUSED_UVM),
        )
        return np.column_stack([np.where(in_ddr, 0, size), np.where(in_ddr, size, 0), 0 * size])


class PlainCase(Case):
    """A case that was made from no files."""

    @property
    def resolved(self):
        tables = [{"name": t.name, "rows": t.rows} for t in self.workload.tables]
        parts = {"topology": {"name": "box"}, "cost_model": {"name": "plain"}}
        return {"name": "plain", "tables": tables} | parts


def make_case(*, dims=(64, 32, 64, 64, 64, 64, 16), rows=1000, constraints=(), **training) -> Case:
    """Tables t0, t1, ... in modules a and b by turns, on two nodes of two devices.

    Columns may be cut under any optimizer, unless ``training`` says otherwise.
    """
    training = {"exact_updates": False, **training}
    tables = tuple(
        Table(f"t{i}", "ab"[i % 2], rows + i, dim, Dtype.FP32, (f"f{i}",), (2.0,), Uniform())
        for i, dim in enumerate(dims)
    )
    box = SimpleNamespace(
        world_size=WORLD,
        devices_per_node=EACH,
        nodes=WORLD // EACH,
        world=World(WORLD, EACH),
        replicas=None,
        groups=1,
    )
    return PlainCase(
        spec=SimpleNamespace(
            objective=Objective.STEP_TIME, training=SimpleNamespace(replicas=None)
        ),
        machine=SimpleNamespace(topology=box),
        pricing=None,
        workload=Workload("plain", tables, 64, Training(**training)),
        cost_model=PlainCosts(tables),
        constraints=tuple(constraints),
        capacity=Capacity(
            raw_bytes=np.array([1e8, 1e8, 0.0]),
            reserve_bytes=np.array([1e7, 0.0, 0.0]),
            base_bytes=np.array([1000.0, 200.0, 0.0]),
        ),
    )


ONE_OF_EACH = (
    Decision(0, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (3,)),
    Decision(1, ShardingType.DATA_PARALLEL, Kernel.DENSE),
    Decision(2, ShardingType.COLUMN_WISE, Kernel.FUSED, 4, (0, 1, 1, 2)),
    Decision(3, ShardingType.ROW_WISE, Kernel.FUSED_UVM),
    Decision(4, ShardingType.TABLE_ROW_WISE, Kernel.FUSED, 1, (1,)),
    Decision(5, ShardingType.GRID_SHARD, Kernel.FUSED, 2, (0, 1)),
    Decision(6, ShardingType.TABLE_COLUMN_WISE, Kernel.FUSED, 4, (0,)),
)
"""A decision of every sharding type, for the tables of ``make_case()``."""


def make_plan(case: Case, decisions=ONE_OF_EACH):
    """The plan of these decisions, with a bound a little below."""
    prediction = predict(case, decisions)
    return build_plan(
        case,
        decisions,
        prediction,
        Optimality.of(
            Objective.STEP_TIME,
            prediction.step_seconds,
            prediction.step_seconds / 1.1,
            bound="relaxation",
            status=Status.WITHIN_GAP,
            termination=Termination.GAP,
        ),
        SolverInfo(method="by hand", seed=0, shardplan_version="0", highs_version=None),
        RunInfo(generated_at="2026-01-01T00:00:00Z", elapsed_seconds=0.5),
    )


def constraint(*tables: int, **demands) -> Constraint:
    return Constraint(tables, label="constraints[0]", **demands)
