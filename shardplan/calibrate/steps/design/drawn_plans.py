"""Random small models and plans of them, of which a design takes the most telling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.build_case import case_of_value
from shardplan.calibrate.steps.design.step_plan import StepPlan
from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.workload.optimizers.optimizer import Optimizer

LINK_BYTES_PER_SECOND = 10**9
"""Of the devices of drawn plans; which it is does not matter, for collectives are measured."""
_TABLES = (2, 4, 8, 12, 16, 26, 40)
_DIMS = (8, 16, 32, 64, 128)
_POOLINGS = (1, 2, 4, 10, 20, 50)
_SAMPLES = (256, 512, 1_024, 2_048, 4_096)
"""Of a rank."""
_ROWS_POWERS = (2.0, 5.3)
_ACCESSES: tuple[Any, ...] = ("uniform", {"zipf": 0.8}, {"zipf": 1.05}, {"zipf": 1.2})
_TYPES = (
    ShardingType.TABLE_WISE,
    ShardingType.COLUMN_WISE,
    ShardingType.ROW_WISE,
    ShardingType.DATA_PARALLEL,
)
_FAVOURS = (0.0, 0.0, 0.3, 0.6, 0.9)
"""Share of the whole tables that the first rank gets before the others have their turn: what a rank
does for its own tables is told from what it does for its own samples only out of balance."""
_COLUMN_MULTIPLE = 4
"""Columns of a shard, as kernels take them."""


@dataclass(frozen=True, slots=True)
class _Limits:
    """What keeps a step short and its tables in memory, of all ranks together."""

    weights: int = 2**24
    replicated_weights: int = 2**21
    read_elements: int = 2**26
    """Of rows, one for each id."""
    outputs: int = 2**25
    ids: int = 2**21


_LIMITS = _Limits()


def drawn_plans(ranks: int, count: int, seed: int, optimizer: Optimizer) -> Iterator[StepPlan]:
    """``count`` plans on one node of that many CPU processes: the same for the same arguments.

    Numbers of tables, dims, ids, features, samples, rows and access patterns are drawn apart from
    one another, and so are sharding types: of one plan one to three. Whole tables and column shards
    are spread evenly, or one rank is favoured.
    """
    random = np.random.default_rng(seed)
    for number in range(count):
        case = _case(f"plan {number}", _model(random, ranks), ranks, optimizer)
        yield StepPlan(case.workload.name, case, _decisions(case, random, ranks))


def _model(random: np.random.Generator, ranks: int) -> dict[str, Any]:
    """As many tables as the limits leave room for, of those that were drawn; at least one."""
    count, samples = int(random.choice(_TABLES)), int(random.choice(_SAMPLES)) * ranks
    dims = random.choice(_DIMS, size=int(random.integers(1, 4)))
    poolings = random.choice(_POOLINGS, size=int(random.integers(1, 4)))
    access = _ACCESSES[int(random.integers(len(_ACCESSES)))]
    features = 1 + int(random.random() < 0.2)
    tables: list[dict[str, Any]] = []
    weights = read = outputs = ids = 0
    for position in range(count):
        dim, pooling = int(random.choice(dims)), int(random.choice(poolings))
        rows = int(10 ** random.uniform(*_ROWS_POWERS)) // ranks * ranks + ranks
        rows = min(rows, _LIMITS.weights // count // dim // ranks * ranks)
        weights += rows * dim
        read += samples * pooling * features * dim
        outputs += samples * features * dim
        ids += samples * pooling * features
        too_much = (
            weights > _LIMITS.weights
            or read > _LIMITS.read_elements
            or outputs > _LIMITS.outputs
            or ids > _LIMITS.ids
        )
        if tables and too_much:
            break
        names = [f"f_{position}_{which}" for which in range(features)]
        tables.append(
            {"name": f"t_{position}", "rows": rows, "dim": dim, "access": access}
            | {"features": names, "pooling": [pooling] * features}
        )
    return {"batch": {"global": samples}, "tables": tables}


def _case(name: str, model: dict[str, Any], ranks: int, optimizer: Optimizer) -> Case:
    """With figures of no machine in particular: only how tables are cut is taken from it."""
    device = {"hbm": {"capacity": "1TB", "read": "1TB/s"}, "host_link": "1TB/s"}
    scale_up = {"kind": "switch", "bandwidth": f"{LINK_BYTES_PER_SECOND}B/s"}
    return case_of_value(
        model
        | {
            "name": name,
            "topology": {
                "name": "here",
                "cost_model": "cpu",
                "nodes": 1,
                "devices_per_node": ranks,
                "device": device,
                "scale_up": scale_up,
            },
            "cost_model": "cpu",
            "training": {"optimizer": str(optimizer), "pipeline": "none", "exact_updates": False},
        },
        name,
    )


def _decisions(case: Case, random: np.random.Generator, ranks: int) -> tuple[Decision, ...]:
    kinds = random.choice(len(_TYPES), size=int(random.integers(1, 4)), replace=False)
    shares = random.dirichlet(np.ones(len(kinds)))
    favour = float(random.choice(_FAVOURS))
    loads, replicated, found = np.zeros(ranks), 0, []
    for position, table in enumerate(case.workload.tables):
        kind = _TYPES[int(random.choice(kinds, p=shares))]
        weights = table.rows * table.dim
        if kind is ShardingType.DATA_PARALLEL:
            replicated += weights
            if replicated > _LIMITS.replicated_weights:
                kind = ShardingType.TABLE_WISE
        if kind is ShardingType.COLUMN_WISE and table.dim < ranks * _COLUMN_MULTIPLE:
            kind = ShardingType.TABLE_WISE
        cuts = ranks if kind is ShardingType.COLUMN_WISE else 1
        targets: tuple[int, ...] = ()
        if kind is ShardingType.TABLE_WISE:
            rank = 0 if random.random() < favour else int(loads.argmin())
            loads[rank] += table.pooling * table.dim
            targets = (rank,)
        elif kind is ShardingType.COLUMN_WISE:
            targets = tuple(range(ranks))
        kernel = Kernel.DENSE if kind.is_replicated else Kernel.FUSED
        found.append(Decision(position, kind, kernel, cuts, targets))
    return tuple(found)
