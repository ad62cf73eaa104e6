"""Each benchmark's command, on its smallest problem."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]


def run(script: str, *words: str) -> str:
    """What a script writes to stdout; it must end well."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_contender_beats_shardplan_or_its_bound() -> None:
    """On the smallest problem of the generator, under both rulers."""
    rows = json.loads(run("quality.py", "--families", "generated", "--quick", "--format", "json"))
    assert {row["ruler"] for row in rows} == {"balance", "step_time"}
    for ruler in ("balance", "step_time"):
        found = {row["contender"]: row for row in rows if row["ruler"] == ruler}
        assert {"shardplan", "greedy-dim", "ldm", "random"} <= set(found)
        ours = found["shardplan"]
        assert ours["cpu_seconds"] > 0
        assert ours["peak_bytes"] > 2**24
        assert ours["lower_bound_seconds"] <= ours["objective_seconds"]
        for row in found.values():
            assert row["lower_bound_seconds"] == ours["lower_bound_seconds"]
            assert row["objective_seconds"] is not None or row["note"]
            assert (row["objective_seconds"] or 1e9) >= ours["objective_seconds"]


def test_baselines_find_plans_where_there_is_room(shared_data: Path) -> None:
    """On DLRM-DCNv2 all of them but chance do, in any of the formats."""
    words = ("--families", "dlrm", "--ruler", "balance", "--quick", "--format", "summary")
    header, _, line = (
        row.strip("| \n").split(" | ") for row in run("quality.py", *words).splitlines()
    )
    ratios = dict(zip(header, line, strict=True))
    assert ratios["problem"] == "dlrm-dcnv2 x 8"
    for name in ("greedy-dim", "greedy-size", "greedy-lookup", "greedy-size-lookup", "ldm"):
        assert float(ratios[name]) >= float(ratios["shardplan"]) >= 1


def test_rules_for_scarce_memory_fill_hbm_and_do_not_beat_the_bound(shared_data: Path) -> None:
    """On ten tables of which HBM holds a fifth."""
    words = ("--tables", "10", "--share", "20%", "--time-limit", "5s", "--json")
    ours, *others = json.loads(run("tiers.py", *words))
    assert ours["contender"] == "shardplan"
    assert ours["lower_bound_seconds"] <= ours["objective_seconds"]
    assert len(others) == 5
    for row in others:
        assert row["lower_bound_seconds"] == ours["lower_bound_seconds"]
        assert row["objective_seconds"] is not None or row["note"]
        assert (row["objective_seconds"] or 1e9) >= ours["objective_seconds"]


def test_greedy_rules_use_ddr_only_where_no_device_has_room(shared_data: Path) -> None:
    """By falling cost: some room explains every table in HBM and every one in DDR."""
    from contenders import Limits
    from tier_contenders import greedy_over_ddr, whole_tables
    from tiers import scarce

    from shardplan.sharding.kernel import Kernel
    from shardplan.solve.baselines.published import GreedyCost

    case = scarce(40, 0.2).case()
    found = greedy_over_ddr(case, Limits(), GreedyCost.LOOKUP)
    sizes = case.cost_model.unit_costs(whole_tables(case, Kernel.FUSED)).memory_bytes[:, 0]
    tables = case.workload.tables
    held = [0.0] * case.topology.world_size
    taken, refused = [], []
    for decision in sorted(found, key=lambda d: (-tables[d.table].pooling, d.table)):
        size = sizes[decision.table]
        if decision.kernel is Kernel.FUSED:
            held[decision.targets[0]] += size
            taken.append(held[decision.targets[0]])
        else:
            refused.append(min(held) + size)
    assert taken
    assert max(taken) < min(refused)
    assert max(taken) <= case.capacity.free_bytes[0]


def test_scale_measures_and_plots(tmp_path: Path) -> None:
    out = run("scale.py", "--sizes", "10x8,20x8", "--time-limit", "2s", "-o", str(tmp_path))
    points = json.loads((tmp_path / "scale.json").read_text(encoding="utf-8"))
    assert [(p["tables"], p["ruler"]) for p in points] == [
        (10, "balance"),
        (10, "step_time"),
        (20, "balance"),
        (20, "step_time"),
    ]
    assert len(out.splitlines()) == 2 + len(points)
    drawn = ElementTree.parse(tmp_path / "scale.svg").getroot()
    circles = drawn.findall(".//{http://www.w3.org/2000/svg}g/{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 2 * len(points)


def test_devices_in_groups_are_measured_against_the_first(
    shared_data: Path, tmp_path: Path
) -> None:
    words = ("--sizes", "8x1x20,16x2x20,16x2x1", "--tables", "4", "--time-limit", "1s")
    out = run("scale.py", "--groups", *words, "-o", str(tmp_path))
    points = json.loads((tmp_path / "groups.json").read_text(encoding="utf-8"))
    assert len(out.splitlines()) == 2 + len(points)
    one, seldom, each = points
    assert (one["of_first"], one["sync_seconds"]) == (1.0, 0.0)
    assert seldom["samples_per_second"] == 16 * 512 / seldom["step_seconds"]
    assert seldom["of_first"] == pytest.approx(one["step_seconds"] / seldom["step_seconds"])
    assert each["sync_seconds"] > 10 * seldom["sync_seconds"] > 0


def test_solves_with_charges_stand_beside_one_without() -> None:
    lines = run("charges.py", "--sizes", "6x4", "--shares", "0.5", "--effort", "0.01").splitlines()
    plain, charged = (line.strip("| ").split(" | ") for line in lines[2:])
    assert plain[1] == "0% of the step"
    assert plain[-1] == "1.00"
    assert int(charged[2]) <= int(plain[2])


def test_the_generator_makes_the_published_problems(shared_data: Path) -> None:
    """torchrec_bench_instances.json, to the last table and byte."""
    from table_sets import generated

    text = (shared_data / "torchrec_bench_instances.json").read_text(encoding="utf-8")
    for known in json.loads(text)["instances"].values():
        made = generated(len(known["tables"]), known["world_size"])
        assert [list(table) for table in made.tables] == known["tables"]
        assert made.hbm_bytes == known["hbm_bytes_per_rank"]


def test_the_ruler_has_the_rates_of_the_published_problems(shared_data: Path) -> None:
    from problem_specs import read_yaml

    from shardplan.units import parse_rate

    text = (shared_data / "torchrec_bench_instances.json").read_text(encoding="utf-8")
    rates = json.loads(text)["bandwidth_bytes_per_ms"]
    ours = read_yaml("ruler.yaml")["bandwidths"]
    assert {name: parse_rate(ours[name]) for name in rates} == pytest.approx(
        {name: rate * 1e3 for name, rate in rates.items()}
    )


def test_torchrec_rates_its_plans_as_measured_before() -> None:
    """Its published ratings of 26 x 8: 2.164 ms, and 1.992 ms with the partitioner by perf."""
    pytest.importorskip("torchrec")
    words = ("--families", "generated", "--ruler", "balance", "--quick", "--format", "json")
    rows = {row["contender"]: row for row in json.loads(run("quality.py", *words))}
    assert rows["torchrec"]["objective_seconds"] == pytest.approx(2.164e-3, rel=1e-3)
    assert rows["torchrec-perf"]["objective_seconds"] == pytest.approx(1.992e-3, rel=1e-3)
