"""Every report at 80 and 100 columns: no line is longer, whatever names and numbers are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from shardplan.build_case import build_case
from shardplan.cli.commands.measuring.calibrate import _end
from shardplan.cli.reports.solve_summary import summary_lines
from shardplan.explain.render.line_breaks import hanging
from shardplan.plan.file.read import read_plan
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.load import load_spec

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
LONG = "production_" + "user_interaction_history_" * 3 + "{:04}"
"""A table's name, as long as they are where they are made by programs."""
HUGE = 999_999_999_999


def tables(changed: bool) -> list[dict[str, object]]:
    """Long and wide names, 12 digits of rows, all tiers, ranks that no span sums up."""
    each = [
        {"name": LONG.format(n), "rows": 200_000 * (n + 1 + changed), "dim": 64, "pooling": 40}
        for n in range(12)
    ]
    each += [
        {"name": LONG.format(20), "rows": HUGE, "dim": 4, "dtype": "fp16", "pooling": 123.4567},
        {"name": "用户行为表" * 9, "rows": 30_000_000, "dim": 128, "access": {"zipf": 1.05}},
        {"name": "in_ddr_" + LONG.format(21), "rows": 90_000_000, "dim": 128, "features": [
            LONG.format(n) + "_feature" for n in range(5)]},
    ]  # fmt: skip
    return [table | {"module": "model.sparse.towers.embedding_bag_collection"} for table in each]


def wide_spec(changed: bool = False) -> dict[str, object]:
    """Sixteen nodes with three tiers."""
    odd = [rank for rank in range(64) if rank % 2 or rank % 5 == 0]
    return {
        "name": "a plan with a name that is rather long, as those of experiments tend to be",
        "batch": {"local": 512},
        "training": {"exact_updates": False},
        "topology": {
            "name": "machine-of-the-research-cluster",
            "cost_model": "h100",
            "nodes": 16,
            "devices_per_node": 4,
            "device": {"hbm": {"capacity": "80GiB", "read": "3TB/s"}, "host_link": "64GB/s"},
            "node": {
                "ddr": {"capacity": "2TiB", "read": "200GB/s", "write": "160GB/s"},
                "ssd": {"capacity": "900TB", "read": "12GB/s", "write": "6GB/s", "iops": 2e6},
            },
            "scale_up": {"kind": "switch", "bandwidth": "400GB/s"},
            "nics": {"count": 4, "rate": "50GB/s"},
        },
        "tables": tables(changed),
        "constraints": [
            {"tables": LONG.format(20), "kernels": ["key_value"]},
            {"tables": "in_ddr_*", "kernels": ["fused_uvm_caching"]},
            {"tables": [LONG.format(n) for n in range(6)], "ranks": odd,
             "sharding": ["column_wise"]},
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory) -> Path:
    """Two wide specs and their plans beside what the golden outputs are made of."""
    folder = tmp_path_factory.mktemp("wide")
    for name, changed in (("wide", False), ("changed", True)):
        spec = folder / f"{name}.yaml"
        spec.write_text(json.dumps(wide_spec(changed), ensure_ascii=False), encoding="utf-8")
        result = run("solve", spec, "-o", folder / f"{name}.json", "--method", "greedy", "-q")
        assert result.exit_code == 0, result.stderr
    charged = wide_spec()
    charged["training"] = {"framework": "torchrec-eager", "exact_updates": False}
    (folder / "charged.yaml").write_text(json.dumps(charged), encoding="utf-8")
    arguments = ("-o", folder / "charged.json", "--method", "greedy", "-q")
    assert run("solve", folder / "charged.yaml", *arguments).exit_code == 0
    ranks = read_plan(str(folder / "wide.json")).prediction.ranks
    measured = json.loads((GOLDEN / "measured.json").read_text(encoding="utf-8"))
    assert len(ranks) == 64
    (folder / "measured.json").write_text(json.dumps(measured), encoding="utf-8")
    return folder


HAND_MADE = (
    ("explain", "old.json"),
    ("explain", "old.json", "--table", "item_id"),
    ("explain", "old.json", "--device", "1"),
    ("explain", "old.json", "--select", "*_id"),
    ("explain", "old.json", "--measured", "measured.json"),
    ("explain", "few.json", "--why-not", "item_id=row_wise"),
    ("diff", "old.json", "new.json"),
    ("diff", "old.json", "old.json"),
    ("verify", "old.json"),
    ("verify", "old.json", "grown.yaml"),
    ("check", "../explain/spec.yaml"),
    ("check", "--cost-model", "cpu", "--against", "measured.csv"),
    ("list", "topologies", "--show", "box.yaml"),
)
WIDE = (
    ("explain", "wide.json"),
    ("explain", "charged.json"),
    ("compare", "wide.json", "changed.json", "charged.json"),
    ("explain", "wide.json", "--table", LONG.format(20)),
    ("explain", "wide.json", "--table", "in_ddr_" + LONG.format(21)),
    ("explain", "wide.json", "--device", "63"),
    ("explain", "wide.json", "--select", "*"),
    ("explain", "wide.json", "--why-not", f"{LONG.format(3)}=table_wise", "--time-limit", "1s"),
    ("diff", "wide.json", "changed.json"),
    ("verify", "wide.json"),
    ("verify", "wide.json", "changed.yaml"),
    ("check", "wide.yaml"),
)
LISTS = (
    ("list", "methods"),
    ("list", "topologies"),
    ("list", "cost-models"),
    *(("list", "topologies", "--show", name) for name in names(Kind.TOPOLOGY)),
    *(("list", "cost-models", "--show", name) for name in names(Kind.COST_MODEL)),
)


def assert_fits(text: str, width: int) -> None:
    """No line is longer, and there are some."""
    assert text
    assert [line for line in text.splitlines() if cell_len(line) > width] == []


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("command", [*HAND_MADE, *LISTS], ids=" ".join)
def test_no_report_of_small_plans_is_wider(run, monkeypatch, command, width):
    monkeypatch.chdir(GOLDEN)
    assert_fits(run(*command, "--width", width).stdout, width)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("command", WIDE, ids=" ".join)
def test_no_report_is_wider_with_long_names_and_numbers(run, folder, monkeypatch, command, width):
    monkeypatch.chdir(folder)
    assert_fits(run(*command, "--width", width).stdout, width)


@pytest.mark.parametrize("width", [80, 100])
def test_what_is_said_at_the_end_is_not_wider(folder, width):
    plan, case = read_plan(str(folder / "wide.json")), build_case(load_spec(folder / "wide.yaml"))
    found = {"measurements": 1234, "mean_error": 12.345, "rank_correlation": 0.123}
    path = "/home/somebody/experiments/2026/plan.json"
    ends = [*summary_lines(plan, case, path), *_end({"lookup_forward": found}, "ours.yaml")]
    lines = [part for line in ends for part in hanging(line, width)]
    assert_fits("\n".join(lines), width)
