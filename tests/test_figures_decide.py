"""A figure changed in a YAML file changes the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.build_case import build_case
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec

ROOT = Path(__file__).parents[1]
SPEC = """
batch: {local: 2048}
topology: {path: topology.yaml, nodes: 2}
cost_model: {path: cost_model.yaml}
tables:
  - {name: small, rows: 2_000, dim: 128, pooling: 10, access: {zipf: 1.05}}
  - {name: middle, rows: 200_000, dim: 128, pooling: 20, access: {zipf: 1.05}}
  - {name: large, rows: 3_000_000, dim: 128, pooling: 40, access: {zipf: 1.05}}
constraints:
  - tables: "*"
    sharding: [data_parallel, table_wise, row_wise, table_row_wise]
    kernels: [dense, fused]
"""


def planned(folder, file="", old="", new=""):
    """Sharding type and ranks of each table on two ZionEX nodes, after one replacement."""
    texts = {
        "topology.yaml": (ROOT / "topologies" / "zionex.yaml").read_text(),
        "cost_model.yaml": (ROOT / "cost_models" / "a100.yaml").read_text(),
        "spec.yaml": SPEC,
    }
    if file:
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new)
    for name, text in texts.items():
        (folder / name).write_text(text)
    case = build_case(load_spec(str(folder / "spec.yaml")))
    plan = make_plan(case, Settings("milp", gap=0.0, time_limit_seconds=1e6), Reporter())
    entries = [item for tables in plan.plan.values() for item in tables.items()]
    return {name: (entry.sharding_type, len(entry.ranks)) for name, entry in entries}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("topology.yaml", "  efficiency: {", "  latency: 2ms\n  efficiency: {"),
        ("topology.yaml", "bandwidth: {value: 300GB/s,", "bandwidth: {value: 10GB/s,"),
        ("topology.yaml", "capacity: {value: 40GiB,", "capacity: {value: 250MiB,"),
        ("cost_model.yaml", "per_id: {value: 0.465ns,", "per_id: {value: 20ns,"),
        ("cost_model.yaml", "dense_update: {value: 1631GB/s,", "dense_update: {value: 1GB/s,"),
        ("cost_model.yaml", "latency: {value: 20us,", "latency: {value: 2ms,"),
        ("cost_model.yaml", "cached_read: {value: 4.2TB/s,", "cached_read: {value: 5GB/s,"),
    ],
)  # fmt: skip
def test_a_figure_changed_in_a_file_changes_the_plan(tmp_path, file, old, new):
    assert planned(tmp_path, file, old, new) != planned(tmp_path)
