"""Problems drawn from a seed, and what more time gives on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from test_benchmark_scripts import run

from shardplan.build_case import case_of_value

if TYPE_CHECKING:
    from pathlib import Path


def test_a_seed_draws_the_same_problems_and_another_one_others(shared_data: Path) -> None:
    from drawn_families import DRAWN
    from instances import instances
    from problem_specs import Ruler

    for family in DRAWN:
        first, again, other = (
            [(each.name, each.spec["tables"]) for each in instances(family, Ruler.BALANCE, seed)]
            for seed in (7, 7, 8)
        )
        assert first == again
        assert first != other
        assert len({name for name, _ in first}) == len(first)


def test_both_rulers_have_the_same_tables_and_each_problem_is_one(shared_data: Path) -> None:
    from drawn_families import DRAWN
    from instances import instances
    from problem_specs import Ruler

    for family in DRAWN:
        one, other = (next(instances(family, ruler, 3)) for ruler in Ruler)
        assert one.spec["tables"] == other.spec["tables"]
        assert one.case().workload.tables
        assert case_of_value(other.spec, other.name).topology.world_size >= 4


def test_curves_are_kept_and_told(tmp_path: Path) -> None:
    kept = tmp_path / "curves.json"
    words = ("--families", "generated", "--only", "26x8", "--time-limit", "2s", "-o", str(kept))
    said = run("anytime.py", *words)
    (row,) = json.loads(kept.read_text(encoding="utf-8"))
    assert (row["family"], row["instance"], row["ruler"]) == ("generated", "26x8", "step_time")
    gaps = [gap for gap in row["gaps"] if gap is not None]
    assert gaps == sorted(gaps, reverse=True)
    assert "10 times the time: no worse a plan on" in said
