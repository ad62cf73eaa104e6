"""A resolved spec is self-contained and reads back as an equal spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.sharding.world import World
from shardplan.spec.build_workload import build_workload
from shardplan.spec.catalog.source import cost_model_source, topology_source
from shardplan.spec.constraints import build_constraints
from shardplan.spec.fields.amount import Amount
from shardplan.spec.load import load_spec, spec_from_value
from shardplan.workload.access import Cdf, Reuse, Uniform, Zipf
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import Training

ROOT = Path(__file__).parents[2]
SMALL = str(ROOT / "tests" / "data" / "spec" / "small.yaml")


def resolve(path: str):
    loaded = load_spec(path)
    parts = topology_source(loaded).value, cost_model_source(loaded, "h100").value
    return with_parts(loaded, *parts)


def with_parts(loaded, topology, cost_model):
    return loaded.spec.resolved() | {"topology": topology, "cost_model": cost_model}


def test_a_resolved_spec_reads_back_as_itself() -> None:
    value = json.loads(json.dumps(resolve(SMALL)))
    again = spec_from_value(value, "plan.json")
    assert with_parts(again, value["topology"], value["cost_model"]) == value
    inline = {"topology": value["topology"], "cost_model": value["cost_model"]}
    assert again.spec == load_spec(SMALL).spec.model_copy(update=inline)
    assert build_workload(again.spec, 16) == build_workload(load_spec(SMALL).spec, 16)
    assert build_constraints(again, World(16, 8)) == build_constraints(
        load_spec(SMALL), World(16, 8)
    )
    assert topology_source(again).value == value["topology"]


def test_a_resolved_spec_writes_every_default_and_no_table_twice() -> None:
    value = resolve(SMALL)
    assert "tables_file" not in value
    assert value["reserve"] == {"hbm": "12.5%", "ddr": "64GiB", "ssd": "0%"}
    assert value["defaults"] == {
        "dim": 128, "dtype": "fp16", "pooling": 1, "access": "uniform", "ids": "hashed",
        "module": "sparse.ebc",
    }  # fmt: skip
    assert value["tables"][1] == {"name": "a", "rows": 40_000_000, "dim": 64, "dtype": "fp32"}
    assert value["tables"][5] == {"name": "u", "rows": 40_000, "pooling": 2}


def test_the_workload_says_what_the_spec_says() -> None:
    workload = build_workload(load_spec(SMALL).spec, world_size=16)
    assert workload.global_batch == 65536
    assert workload.training == Training(
        optimizer=Optimizer.ADAGRAD,
        comm_forward=Dtype.FP16,
        comm_backward=Dtype.BF16,
        pipeline=Pipeline.PREFETCH_SPARSE_DIST,
        dense_forward_seconds=0.004,
        dense_backward_seconds=0.0085,
        dense_memory_bytes=2 * 2**30,
        exact_updates=True,
    )
    first, _, b, seven, r, _ = workload.tables
    assert (first.rows, first.dim, first.dtype, first.pooling) == (40_000_000, 128, "fp16", 100)
    assert (first.features, first.access) == (("cat_20",), Zipf(1.05))
    assert (b.features, b.poolings) == (("x", "y"), (1.0, 2.5))
    assert b.access == Cdf(((0.1, 0.5), (1.0, 1.0)))
    assert (seven.name, seven.module, seven.features) == ("007", "other.ebc", ("f", "g"))
    assert (seven.poolings, seven.dtype) == ((1.0, 2.0), Dtype.BF16)
    assert (r.access, r.features) == (Reuse((0.5, 0.25, 0.25, *[0.0] * 14)), ("r",))
    assert workload.tables[1].access == Uniform()


def test_a_local_batch_is_multiplied_by_the_devices(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("{batch: {local: 7}, topology: x, tables: [{name: t, rows: 1, dim: 4}]}")
    assert build_workload(load_spec(str(path)).spec, 6).global_batch == 42


def test_one_pooling_holds_for_each_feature(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "{batch: {local: 7}, topology: x, tables: "
        "[{name: t, rows: 1, dim: 4, pooling: 3, features: [f, g]}]}"
    )
    assert build_workload(load_spec(str(path)).spec, 1).tables[0].poolings == (3.0, 3.0)


def test_constraints_name_tables_by_position() -> None:
    first, second, third = build_constraints(load_spec(SMALL), World(16, 8))
    assert first.tables == (0,)
    assert first.sharding == (ShardingType.TABLE_WISE, ShardingType.ROW_WISE)
    assert first.kernels == (Kernel.FUSED,)
    assert (second.tables, second.together, second.apart) == ((1, 2), True, False)
    assert (third.tables, third.apart, third.ranks) == ((1, 4), True, (1, 3))
    assert [c.label for c in (first, second, third)] == [f"constraints[{i}]" for i in range(3)]


def test_an_amount_is_rounded_up_to_bytes() -> None:
    assert Amount(fraction=0.15).of(99) == 15
    assert Amount(size_bytes=7).of(99) == 7


def test_a_spec_from_values_has_faults_without_lines() -> None:
    loaded = spec_from_value({"batch": {"local": 1}, "topology": "x", "tabels": []}, "plan.json")
    assert str(loaded.faults[0]) == (
        "plan.json: error: tabels: unknown key 'tabels'\n  hint: did you mean 'tables'?"
    )


@pytest.mark.parametrize(
    ("example", "tables", "gib"),
    [("dlrm_dcnv2", 26, 97.36), ("criteo_1tb", 26, 420.94), ("hugectr_t180", 177, 247.11)],
)
def test_the_examples_hold_the_published_tables(example: str, tables: int, gib: float) -> None:
    value = resolve(str(ROOT / "examples" / f"{example}.yaml"))
    workload = build_workload(spec_from_value(value, example).spec, 16)
    assert len(workload.tables) == tables
    assert sum(t.rows * t.row_bytes for t in workload.tables) / 2**30 == pytest.approx(
        gib, abs=0.01
    )


@pytest.mark.parametrize(
    ("example", "published"),
    [
        ("dlrm_dcnv2", "mlperf-dlrm-dcnv2"),
        ("criteo_1tb", "criteo-1tb-raw"),
        ("hugectr_t180", "hugectr-t180"),
    ],
)
def test_the_examples_agree_with_the_published_sets(example: str, published: str) -> None:
    """Table by table, with the collection in shared/data beside the project."""
    path = ROOT.parent / "shared" / "data" / "table_sets.json"
    if not path.exists():
        pytest.skip("shared/data is not beside the project")
    expected = json.loads(path.read_text())[published]["tables"]
    spec = load_spec(str(ROOT / "examples" / f"{example}.yaml")).spec
    assert [
        {"rows": t.rows, "dim": t.dim, "pooling": t.pooling}
        for t in build_workload(spec, 16).tables
    ] == expected
