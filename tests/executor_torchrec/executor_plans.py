"""Small plans for the executor: of given decisions, or at random, for any number of ranks."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import numpy as np
from random_specs import TOPOLOGY, build

from shardplan.plan.build_plan import build_plan
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.plan.predict import predict
from shardplan.planning.formulate import formulate
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.solve.problem.placement import Placement
from shardplan.solve.problem.problem import Shape
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.sharding.kernel import Kernel

EACH = 2
"""Devices of a node."""


def case_of(
    tables: Sequence[dict[str, Any]],
    ranks: int,
    optimizer: str = "sgd",
    modules: dict[str, Any] | None = None,
    batch: dict[str, Any] | None = None,
    **training: Any,
) -> Case:
    """A case of these tables on nodes of two devices each, with more memory than they need.

    Columns may be cut under any optimizer, unless ``training`` says otherwise.
    """
    topology = copy.deepcopy(TOPOLOGY) | {"nodes": ranks // EACH, "devices_per_node": EACH}
    return build(
        {
            "name": "small",
            "batch": batch or {"local": 64},
            "topology": topology,
            "training": {"optimizer": optimizer, **training},
            "tables": list(tables),
            "modules": modules or {},
            # Asked for by name, so that one node alone may have them too.
            "constraints": [{"tables": "*", "sharding": [kind.name for kind in SHARDING_TYPES]}],
        }
    )


def plan_of(case: Case, decisions: Sequence[Decision]) -> Plan:
    """The plan of these decisions, whatever a solver would say of it."""
    prediction = predict(case, decisions)
    seconds = prediction.step_seconds
    return build_plan(
        case,
        decisions,
        prediction,
        Optimality.of(
            Objective.STEP_TIME, seconds, seconds,
            bound="none", status=Status.FEASIBLE, termination=Termination.FINISHED,
        ),
        SolverInfo(method="by hand", seed=0, shardplan_version="0"),
        RunInfo(generated_at="2026-01-01T00:00:00Z", elapsed_seconds=0.0),
    )  # fmt: skip


def random_plan(
    seed: int, ranks: int, optimizer: str = "sgd", only: ShardingType | None = None, **training: Any
) -> Plan:
    """A few tables in two modules, some with several features, each cut and placed at random."""
    dice = random.Random(seed)
    tables = [_table(dice, index, only) for index in range(dice.randint(3, 6))]
    case = case_of(tables, ranks, optimizer, **training)
    formulation = formulate(case)
    problem, options = formulation.problem, formulation.options
    chosen, targets = [], []
    for item in range(problem.item_count):
        first, end = problem.option_offsets[item : item + 2].tolist()
        kinds: dict[ShardingType, list[int]] = {}
        for option in range(first, end):
            kind = options.sharding_type(int(formulation.members[option, 0]))
            kinds.setdefault(kind, []).append(option)
        option = dice.choice(kinds[only or dice.choice(sorted(kinds, key=lambda kind: kind.name))])
        places = {Shape.DEVICE: ranks, Shape.NODE: ranks // EACH, Shape.ALL: 0}
        offered = places[Shape(problem.shape[option])]
        units = int(problem.units[option]) if offered else 0
        chosen.append(option)
        targets.append(np.array([dice.randrange(offered) for _ in range(units)], dtype=np.int64))
    placement = Placement.of(np.array(chosen), targets)
    return plan_of(case, formulation.decisions(placement))


def with_cache(plan: Plan, table: str, kernel: Kernel, share: float, **more: Any) -> Plan:
    """The plan with another kernel for a table, and a cache of a share of its rows."""
    cache = CacheEntry(load_factor=share, **more)
    modules = {
        module: {
            name: entry.model_copy(update={"compute_kernel": kernel, "cache": cache})
            if name == table
            else entry
            for name, entry in entries.items()
        }
        for module, entries in plan.plan.items()
    }
    return plan.model_copy(update={"plan": modules})


def _table(dice: random.Random, index: int, only: ShardingType | None) -> dict[str, Any]:
    dims = [16, 32] if only is not None else [4, 8, 12, 16, 32]
    features = [f"f{index}a", f"f{index}b"] if dice.random() < 0.3 else [f"f{index}"]
    return {
        "name": f"t{index}",
        "module": dice.choice(["sparse.ebc", "other"]),
        "rows": dice.choice([40, 41, 100, 503]) if only else dice.choice([1, 3, 9, 40, 503]),
        "dim": dice.choice(dims),
        "features": features,
        "pooling": [2] * len(features),
    }
