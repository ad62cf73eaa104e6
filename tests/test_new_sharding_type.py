"""A sharding type, or a kernel, that this file alone adds: plans are made with it from end to end.

Nothing of the package knows the names below. What docs/extending.md shows is what is done here.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis.vendor.pretty import pretty
from random_specs import TOPOLOGY, build

from shardplan.errors import InputError
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.explain.render.terminal import render_terminal
from shardplan.explain.report.overview import overview
from shardplan.json_schema import json_schema
from shardplan.plan.diff.plan_diff import diff_plans
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.plan.predict import predict
from shardplan.plan.verify import verify
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.sharding.kernel import KERNELS, Kernel, MemoryTier
from shardplan.sharding.kind import SHARDING_TYPES, Columns, ShardingType
from shardplan.sharding.world import Extent
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.whatif.choice import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan

MIRRORED = ShardingType("mirrored", lands=Extent.DEVICE)
"""On one device each, as table-wise tables are."""
NODE_ROWS = ShardingType("node_rows", lands=Extent.NODE, rows=Extent.NODE)
"""By rows over a node, as table-row-wise tables are."""
TILED = ShardingType("tiled", lands=Extent.NODE, rows=Extent.NODE, columns=Columns.UNITS)
"""By columns over nodes and by rows inside them, as grids are."""
STRIPED = ShardingType("striped", lands=Extent.WORLD, columns=Columns.DEALT)
"""By columns over all devices, as no other type is."""
PINNED = Kernel("pinned", rows_in=MemoryTier.DDR, state_in=MemoryTier.HBM)
"""Rows in DDR, as under ``fused_uvm``, but optimizer state in HBM."""

ADDED = (MIRRORED, NODE_ROWS, TILED, STRIPED)
SETTINGS = Settings("milp", gap=0.0, time_limit_seconds=1e6)


def make_spec(sharding: str, cost_model: str = "h100", kernel: str = "fused") -> dict[str, Any]:
    """Four tables on two nodes of two devices, all sharded so."""
    return {
        "batch": {"local": 256},
        "topology": copy.deepcopy(TOPOLOGY),
        "cost_model": cost_model,
        "training": {"optimizer": "sgd"},
        "tables": [
            {"name": f"t{i}", "rows": 2000 + i, "dim": 32, "pooling": i + 1} for i in range(4)
        ],
        "constraints": [{"tables": "*", "sharding": [sharding], "kernels": [kernel]}],
    }


@pytest.fixture(autouse=True)
def _added() -> Iterator[None]:
    for kind in ADDED:
        SHARDING_TYPES.add(kind)
    KERNELS.add(PINNED)
    yield
    KERNELS.remove(PINNED)
    for kind in reversed(ADDED):
        SHARDING_TYPES.remove(kind)


def plan_of(spec: dict[str, Any]) -> Plan:
    """The plan, written and read."""
    return parse_plan(render(make_plan(build(spec), SETTINGS, Reporter())), "plan.json")


@pytest.mark.parametrize("cost_model", ["h100", "torchrec"])
@pytest.mark.parametrize("kind", [MIRRORED, NODE_ROWS, TILED, STRIPED], ids=str)
def test_a_type_is_planned_with_from_the_spec_to_the_explanation(kind, cost_model):
    spec = make_spec(kind.name, cost_model)
    plan, case = plan_of(spec), build(spec)
    assert {e.sharding_type for tables in plan.plan.values() for e in tables.values()} == {kind}
    assert verify(plan) == ()
    study = Study.of(plan, "plan.json")
    formulation = formulate(case)
    placement, is_placed = formulation.placement(study.ledger.decisions)
    assert is_placed.all()
    solved = evaluate(formulation.problem, placement).objective
    assert predict(case, study.ledger.decisions).step_seconds == pytest.approx(solved, rel=1e-12)
    assert plan.optimality.objective_seconds == pytest.approx(solved, rel=1e-6)
    assert {line.sharding_type for line in explain(study).tables} == {kind.name}
    assert kind.name in render_terminal(overview(explain(study), top=4), width=200)
    assert diff_plans(plan, plan, case).is_empty


@pytest.mark.parametrize("cost_model", ["h100", "torchrec"])
@pytest.mark.parametrize(
    ("kind", "like"),
    [(MIRRORED, "table_wise"), (NODE_ROWS, "table_row_wise"), (TILED, "grid_shard")],
    ids=str,
)
def test_a_type_costs_what_the_type_costs_whose_traits_it_has(kind, like, cost_model):
    known, added = plan_of(make_spec(like, cost_model)), plan_of(make_spec(kind.name, cost_model))
    renamed = json.loads(added.prediction.model_dump_json().replace(kind.name, like))
    assert renamed == json.loads(known.prediction.model_dump_json())
    assert added.optimality == known.optimality


def test_striped_tables_have_a_part_of_their_columns_on_every_device():
    (entry, *_) = plan_of(make_spec("striped")).plan["sparse.ebc"].values()
    assert entry.ranks == (0, 1, 2, 3)
    assert [shard.shard_sizes for shard in entry.shards] == [(2000, 8)] * 4


def test_a_kernel_is_planned_with_and_keeps_state_where_it_says():
    spec = make_spec("table_wise", kernel="pinned")
    spec["training"]["optimizer"] = "adam"
    plan = plan_of(spec)
    assert verify(plan) == ()
    for entry in plan.plan["sparse.ebc"].values():
        (shard,) = entry.shards
        rows, columns = shard.shard_sizes
        assert entry.compute_kernel is PINNED
        assert shard.memory_bytes.ddr == rows * columns * 4
        assert shard.memory_bytes.hbm == rows * columns * 2 * 4


def test_schemas_and_choices_know_what_was_added():
    for subject in ("spec", "plan"):
        definitions = json_schema(subject)["definitions"]
        assert "striped" in definitions["ShardingType"]["enum"]
        assert "pinned" in definitions["Kernel"]["enum"]
    case = build(make_spec("striped"))
    assert Choice.parse("t0=mirrored", case).sharding is MIRRORED
    assert Choice.parse("t0=pinned", case).kernel is PINNED


def test_what_was_taken_away_is_unknown_again():
    SHARDING_TYPES.remove(STRIPED)
    try:
        with pytest.raises(InputError, match=r"must be one of data_parallel, .*, tiled"):
            build(make_spec("striped"))
    finally:
        SHARDING_TYPES.add(STRIPED)


@pytest.mark.parametrize(
    ("traits", "fault"),
    [
        ({"lands": Extent.NODE}, "is either cut over them"),
        ({"lands": Extent.DEVICE, "rows": Extent.NODE}, "on a single device is neither"),
        ({"lands": Extent.WORLD, "rows": Extent.NODE}, "over all that it lands on"),
        ({"lands": Extent.NODE, "is_replicated": True}, "what is replicated lands everywhere"),
        (
            {"lands": Extent.WORLD, "rows": Extent.WORLD, "columns": Columns.UNITS},
            "is a single unit",
        ),
    ],
)
def test_traits_that_contradict_each_other_are_refused(traits, fault):
    with pytest.raises(ValueError, match=fault):
        ShardingType("odd", **traits)


def test_the_traits_allow_the_eight_types_that_the_guide_lists():
    """TorchRec's seven, and columns dealt to all devices; hot rows are a trait besides."""
    legal = set()
    for traits in itertools.product(Extent, Extent, Columns, [False, True]):
        with contextlib.suppress(ValueError):
            ShardingType("any", *traits)
            legal.add(traits)
    own = (kind for kind in SHARDING_TYPES if kind not in ADDED and not kind.keeps_hot_rows)
    known = (*own, STRIPED)
    assert len(known) == 8
    assert legal == {(kind.lands, kind.rows, kind.columns, kind.is_replicated) for kind in known}


@pytest.mark.parametrize("entry", [ShardingType.GRID_SHARD, Kernel.FUSED], ids=str)
def test_a_copy_is_the_entry_itself(entry):
    assert copy.deepcopy(entry) is entry
    assert pickle.loads(pickle.dumps(entry)) is entry


@pytest.mark.parametrize("entry", [ShardingType.GRID_SHARD, Kernel.FUSED], ids=str)
def test_an_entry_is_printed_as_its_name_and_not_with_all_others(entry):
    assert pretty([entry]) == f"[{entry.name}]" == repr([entry])


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="the name is taken"):
        SHARDING_TYPES.add(ShardingType("mirrored", lands=Extent.DEVICE))
