"""Tables small enough to be painted cell by cell, under any two plans."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from shardplan.build_case import case_of_value
from shardplan.plan.build_plan import build_plan
from shardplan.plan.decision import Decision
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry

EACH = 2
SPEC: dict[str, Any] = {
    "name": "painted",
    "batch": {"local": 64},
    "topology": {
        "name": "tiny",
        "cost_model": "h100",
        "nodes": 2,
        "devices_per_node": EACH,
        "device": {"hbm": {"capacity": "1GB", "read": "1TB/s"}, "host_link": "32GB/s"},
        "node": {"ddr": {"capacity": "4GB", "read": "100GB/s"}},
        "scale_up": {"kind": "switch", "bandwidth": "100GB/s"},
        "nics": {"count": 1, "rate": "10GB/s"},
    },
    "training": {"optimizer": "adam"},
    "defaults": {"dtype": "fp16"},
    "tables": [
        {"name": "a", "rows": 13, "dim": 16},
        {"name": "b", "rows": 24, "dim": 8},
        {"name": "c", "rows": 9, "dim": 32},
    ],
}
BYTES_OF_A_CELL = 2 + 2 * 4
"""fp16, and Adam's two moments in fp32."""


def case_of(*, nodes: int = 2, optimizer: str = "adam", **rows: int) -> Case:
    """The case with that many nodes, and other rows for the tables named."""
    spec = copy.deepcopy(SPEC)
    spec["topology"]["nodes"] = nodes
    spec["training"]["optimizer"] = optimizer
    for table in spec["tables"]:
        table["rows"] = rows.get(table["name"], table["rows"])
    return case_of_value(spec, "spec")


def plan_of(case: Case, decisions: tuple[Decision, ...]) -> Plan:
    """The plan of these decisions; nothing is claimed of its optimality."""
    prediction = predict(case, decisions)
    claim = Optimality.of(
        case.objective,
        prediction.step_seconds,
        0.0,
        bound="none",
        status=Status.FEASIBLE,
        termination=Termination.FINISHED,
    )
    solver = SolverInfo(method="by hand", seed=0, shardplan_version="0")
    run = RunInfo(generated_at="2026-01-01T00:00:00Z", elapsed_seconds=0.0)
    return build_plan(case, decisions, prediction, claim, solver, run)


@st.composite
def decisions(draw: st.DrawFn, case: Case) -> tuple[Decision, ...]:
    """Any way to shard and place each table that the runtime accepts."""
    return tuple(_decision(draw, case, index) for index in range(len(case.workload.tables)))


def _decision(draw: st.DrawFn, case: Case, index: int) -> Decision:
    dim, world = case.workload.tables[index].dim, case.topology.world
    cuts = [cut for cut in (2, 4) if dim % (4 * cut) == 0]
    kernel = draw(st.sampled_from([Kernel.FUSED, Kernel.FUSED_UVM]))
    sharding = draw(
        st.sampled_from(
            [
                kind
                for kind in SHARDING_TYPES
                if kind.is_torchrecs and dim % (4 * (kind.dealt_over(world) or 1)) == 0
            ]
        )
    )
    if sharding.is_replicated:
        return Decision(index, sharding, Kernel.DENSE)
    cut = draw(st.sampled_from(cuts)) if sharding.has_many_units else 1
    units, cut = cut, sharding.dealt_over(world) or cut
    if sharding.lands is Extent.WORLD:
        return Decision(index, sharding, kernel, cut)
    places = st.integers(0, world.count_of(sharding.lands) - 1)
    targets = draw(st.lists(places, min_size=units, max_size=units))
    return Decision(index, sharding, kernel, cut, tuple(targets))


def painted(entry: TableEntry, rows: int, dim: int, world_size: int) -> np.ndarray:
    """(W, rows, dim): which cells each rank holds."""
    held = np.zeros((world_size, rows, dim), dtype=bool)
    if entry.sharding_type.is_replicated:
        held[list(entry.ranks)] = True
    for rank, shard in zip(entry.ranks, entry.shards, strict=False):
        (row, column), (height, width) = shard.shard_offsets, shard.shard_sizes
        held[rank, row : row + height, column : column + width] = True
    return held
