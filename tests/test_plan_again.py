"""A plan says enough of its solve to be made again, and a move from outside can find it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from shardplan.build_case import case_of_value
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.drafts.provenance_of import settings_of
from shardplan.planning.planner import make_plan
from shardplan.solve.problem.placement import Placement
from shardplan.solve.problem.problem import Shape
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.move import Move, Turn
from shardplan.solve.search.moves import MOVES
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.search.starts.first_placements import FirstPlacements
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from shardplan.solve.search.record import Record

HOURS = 1e5


@pytest.fixture(scope="module")
def case():
    spec = {
        "name": "small",
        "batch": {"local": 8192},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "defaults": {"dim": 64},
        "tables": [
            {"name": f"t{i}", "rows": 10 ** (3 + i % 4), "pooling": 10 * i} for i in range(12)
        ],
    }
    return case_of_value(spec, "small")


def without_run(plan) -> dict:
    """The plan file but for what may differ between two runs."""
    return {key: value for key, value in json.loads(render(plan)).items() if key != "run"}


@pytest.mark.parametrize(
    "asked",
    [
        Settings("search", gap=1e-6, time_limit_seconds=HOURS, node_limit=2, seed=3, effort=0.05),
        Settings(
            "greedy",
            threads=3,
            gap=0.02,
            time_limit_seconds=HOURS,
            search=SearchParams((FirstPlacements(rounds=20, fineness=(0.5,)), *MOVES[1:])),
        ),
    ],
)
def test_a_plan_is_made_again_from_what_its_file_says(case, asked):
    plan = make_plan(case, asked, Reporter())
    read = parse_plan(render(plan), "plan")
    again = make_plan(case, settings_of(read.solver, HOURS), Reporter())
    assert without_run(again) == without_run(plan)


def test_a_plan_says_only_what_is_not_usual(case):
    plain = without_run(make_plan(case, Settings("greedy"), Reporter()))["solver"]
    assert list(plain) == ["method", "seed", "gap", "shardplan_version", "highs_version"]
    search = SearchParams(tuple(replace_rounds(move) for move in MOVES))
    changed = without_run(make_plan(case, Settings("greedy", search=search), Reporter()))
    assert changed["solver"]["search"] == {"first_placements": {"rounds": 7}}


def replace_rounds(move: Move) -> Move:
    return replace(move, rounds=7) if isinstance(move, FirstPlacements) else move


@dataclass(frozen=True)
class InTurn(Move):
    """Item after item, device after device, each as its first option for single devices."""

    name: ClassVar[str] = "in turn"

    def improve(self, record: Record, turn: Turn) -> None:
        problem = record.problem
        on_device = problem.shape == Shape.DEVICE
        option = problem.largest(on_device.astype(float))
        targets = [np.arange(n) % problem.device_count for n in problem.units[option].tolist()]
        record.offer(Placement.of(option, targets), self.name)


def test_a_move_from_outside_makes_a_plan_that_costs_what_the_solver_claims(case):
    asked = Settings(search=SearchParams((InTurn(),)), time_limit_seconds=HOURS, effort=1.0)
    plan = make_plan(case, replace(asked, method="search"), Reporter())
    assert plan.solver.method == "search: in turn"
    claimed = plan.run.history[-1].best_seconds
    assert plan.optimality.objective_seconds == pytest.approx(claimed, rel=1e-6)
