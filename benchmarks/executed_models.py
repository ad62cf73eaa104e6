"""Models small enough to train here, and the plans that contenders make for them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contenders import CONTENDERS
from table_sets import published_set, rows_of, sample_of_856

from shardplan.build_case import case_of_value
from shardplan.errors import NoPlanFound
from shardplan.plan.build_plan import build_plan
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.plan import Plan
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.predict import predict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from contenders import Limits

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.sharding.kind import ShardingType

_WEIGHT_BYTES = 64 * 2**20
"""Of each model: how many plans of it stand in memory side by side."""
_FP32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Model:
    """Tables and the batch of all processes."""

    name: str
    tables: list[dict[str, Any]]
    global_batch: int


def models() -> Iterator[Model]:
    """Six of them: rows are scaled down, dims and poolings are as published."""
    access = {"access": {"zipf": 1.05}}
    yield Model("dlrm-dcnv2", _scaled(published_set("mlperf-dlrm-dcnv2", **access)), 2048)
    yield Model("criteo-1tb", _scaled(published_set("criteo-1tb-40m", **access)), 8192)
    for tables, seed, batch in ((12, 0, 8192), (24, 1, 4096), (24, 2, 4096), (48, 3, 2048)):
        name = f"{tables} of 856, sample {seed}"
        yield Model(name, _scaled(sample_of_856(tables, seed=seed)), batch)


def drawn_models(seed: int) -> Iterator[Model]:
    """Six that nobody has seen: half are drawn of the 856 tables, half table by table."""
    dice = random.Random(seed)
    for number in range(3):
        count, batch = dice.choice((10, 16, 24, 32, 40)), dice.choice((2048, 4096, 8192))
        tables = sample_of_856(count, seed=dice.randrange(2**31))
        yield Model(f"drawn {number}: {count} of 856", _scaled(tables), batch)
    for number in range(3, 6):
        count, batch = dice.randint(8, 32), dice.choice((1024, 2048, 4096))
        drawn = [
            (int(10 ** dice.uniform(2, 6.5)), dice.choice((16, 32, 64, 128)), dice.randint(1, 20))
            for _ in range(count)
        ]
        access = {"zipf": dice.choice((0.8, 1.05, 1.2))}
        yield Model(f"drawn {number}: {count}", _scaled(rows_of(drawn, access=access)), batch)


def case_of(
    model: Model,
    cost_model: dict[str, Any],
    processes: int,
    optimizer: str = "sgd",
    framework: dict[str, Any] | None = None,
) -> Case:
    """One node of CPU processes, with room for whatever a plan does."""
    link = cost_model["scale_up"]["link"]["value"]
    device: dict[str, Any] = {"hbm": {"capacity": "1TB", "read": "1TB/s"}, "host_link": "1TB/s"}
    training: dict[str, Any] = {"optimizer": optimizer, "exact_updates": True, "pipeline": "none"}
    if framework is not None:
        device["kind"] = framework["devices"]
        training["framework"] = framework
    return case_of_value(
        {
            "name": model.name,
            "batch": {"global": model.global_batch},
            "topology": {
                "name": "here",
                "cost_model": cost_model["name"],
                "nodes": 1,
                "devices_per_node": processes,
                "device": device,
                "scale_up": {"kind": "switch", "bandwidth": link},
            },
            "cost_model": cost_model,
            "training": training,
            "tables": model.tables,
        },
        model.name,
    )


def narrowed(case: Case, kinds: Sequence[ShardingType]) -> Case:
    """The case with these sharding types alone."""
    tables = [table.name for table in case.workload.tables]
    constraint = {"tables": tables, "sharding": [kind.name for kind in kinds]}
    return case_of_value(case.resolved | {"constraints": [constraint]}, case.workload.name)


def types_of(plan: Plan) -> dict[str, int]:
    """How many tables have which sharding type."""
    types = [entry.sharding_type.name for of in plan.plan.values() for entry in of.values()]
    return {kind: types.count(kind) for kind in dict.fromkeys(types)}


def plans(case: Case, names: list[str], limits: Limits) -> Iterator[tuple[str, Plan]]:
    """By contender; one that finds no plan is left out."""
    for name in names:
        try:
            found = CONTENDERS[name](case, limits)
        except NoPlanFound:
            continue
        yield name, found if isinstance(found, Plan) else _plan(case, found, name)


def _plan(case: Case, decisions: tuple[Decision, ...], contender: str) -> Plan:
    prediction = predict(case, decisions)
    optimality = Optimality.of(
        case.objective, prediction.step_seconds, 0.0,
        bound="none", status=Status.FEASIBLE, termination=Termination.FINISHED,
    )  # fmt: skip
    solver = SolverInfo(method=contender, seed=0, shardplan_version="0")
    run = RunInfo(generated_at="1970-01-01T00:00:00Z", elapsed_seconds=0.0)
    return build_plan(case, decisions, prediction, optimality, solver, run)


def _scaled(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same tables with fewer rows, in proportion, together of ``_WEIGHT_BYTES``."""
    size = sum(table["rows"] * table["dim"] * _FP32_BYTES for table in tables)
    share = min(1.0, _WEIGHT_BYTES / size)
    return [table | {"rows": max(4, round(table["rows"] * share))} for table in tables]
