"""Moves as plug-ins: one from outside has its turn, and the parameters of all can be kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest
from problems import problem_of

from shardplan.solve.budget import Budget
from shardplan.solve.deadline import Deadline
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.placement import Placement
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.annealing.annealing import Annealing
from shardplan.solve.search.blocks import Blocks
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.moves import MOVES
from shardplan.solve.search.record import Record
from shardplan.solve.search.relocation_params import RelocationParams
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.search.starts.fill_greedily import FillParams, fill_greedily
from shardplan.solve.search.starts.fresh_start import FreshStart
from shardplan.solve.search.starts.mixed_start import MixedStart
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem


@dataclass(frozen=True)
class RoundRobin(Move):
    """Item after item, device after device."""

    name: ClassVar[str] = "round_robin"
    most_devices: int = 8
    turns: list[Turn] = field(default_factory=list)

    def supports(self, problem: Problem) -> bool:
        return problem.device_count <= self.most_devices

    def improve(self, record: Record, turn: Turn) -> None:
        self.turns.append(turn)
        problem = record.problem
        devices = np.arange(problem.item_count) % problem.device_count
        record.offer(Placement.of(problem.option_offsets[:-1], list(devices[:, None])), self.name)


def equal_items(count: int, devices: int, options: int = 1) -> Problem:
    """Items of one unit and one second, whichever of their options they take."""
    return problem_of(np.ones(count * options), options_per_item=options, devices=devices)


def solve_with(*moves: Move, devices: int = 4, **limits):
    asked = Settings(search=SearchParams(moves), time_limit_seconds=1e6, **limits)
    return solve(equal_items(8, devices), asked)


def test_a_move_from_outside_has_its_turn_and_its_placement_is_taken():
    move = RoundRobin()
    outcome = solve_with(move)
    assert [turn.restart for turn in move.turns] == [0]
    assert outcome.method == "round_robin"
    assert outcome.objective == pytest.approx(2.0)
    assert outcome.placement.targets.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_a_move_that_does_not_support_the_problem_is_left_out():
    move = RoundRobin(most_devices=3)
    outcome = solve_with(move)
    assert not move.turns
    assert outcome.placement is None


@pytest.mark.parametrize("method", ["milp", "greedy", "greedy-dim"])
def test_a_move_that_the_method_does_not_search_with_is_left_out(method):
    move = RoundRobin()
    solve_with(move, method=method)
    assert not move.turns


def test_options_that_can_be_mixed_have_a_start_of_their_own():
    plain = equal_items(2, devices=2)
    mixed = replace(equal_items(2, devices=2, options=2), blend=np.array([0, 0, 1, 1]))
    for move, supported in ((FreshStart(), [True, False]), (MixedStart(), [False, True])):
        assert [move.supports(problem) for problem in (plain, mixed)] == supported


def test_moves_have_their_turns_in_the_order_of_a_solve():
    """A fresh restart that gains nothing is followed by one around the best placement, and all but
    the start comes again in the second pass."""
    seen = []

    def listening(when_: When) -> Move:
        class Listening(Move):
            name = f"at {when_.name}"
            when = when_

            def improve(self, record: Record, turn: Turn) -> None:
                seen.append((when_.name, turn.restart, turn.fresh, turn.number_of_pass))

        return Listening()

    start = Placement.of(np.arange(8), [np.array([0])] * 8)
    search = SearchParams(tuple(map(listening, When)))
    asked = Settings(search=search, time_limit_seconds=1e6, effort=3.0)
    solve(equal_items(8, devices=4), asked, starts=[start])
    assert seen[:7] == [
        ("START", 0, 0, 0),
        ("FRESH", 0, 1, 0),
        ("RESTART", 0, 1, 0),
        ("FIRST_RESTART", 0, 1, 0),
        ("AGAIN", 1, 1, 0),
        ("RESTART", 1, 1, 0),
        ("FRESH", 2, 2, 0),
    ]
    first = [when for when, *_, number in seen if number == 0]
    second = [when for when, *_, number in seen if number == 1]
    assert first[-1] == second[-1] == "END"
    assert second[:3] == ["FRESH", "RESTART", "FIRST_RESTART"]
    assert len(second) > len(first)


def test_names_of_moves_differ():
    assert len({move.name for move in MOVES}) == len(MOVES)


def test_the_parameters_of_this_version_need_no_words():
    assert SearchParams().changes() == {}
    assert SearchParams.with_changes({}) == SearchParams()


def test_changed_parameters_come_back_from_json():
    moves = tuple(
        replace(move, blocks=3)
        if isinstance(move, Blocks)
        else replace(move, choice=replace(move.choice, jitter=0.1), grains=((0.5, 0.9),))
        if isinstance(move, MixedStart)
        else move
        for move in MOVES
        if not isinstance(move, Annealing)
    )
    params = SearchParams(moves, relocation=RelocationParams(sharpness=3))
    changes = json.loads(json.dumps(params.changes()))
    assert changes == {
        "moves": [move.name for move in moves],
        "relocation": {"sharpness": 3},
        "blocks": {"blocks": 3},
        "mixed_start": {"choice": {"jitter": 0.1}, "grains": [[0.5, 0.9]]},
    }
    assert SearchParams.with_changes(changes) == params


@pytest.mark.parametrize(
    "changes", [{"moves": ["unheard_of"]}, {"unheard_of": {}}, {"blocks": {"unheard_of": 1}}]
)
def test_parameters_that_this_version_does_not_have_are_refused(changes):
    with pytest.raises(ValueError, match="unheard_of"):
        SearchParams.with_changes(changes)


def test_a_fill_that_is_overdue_is_left_incomplete_and_not_taken():
    problem = equal_items(8, devices=4)
    record = Record(problem, Budget(Deadline.after(-60.0), gap=0.0), Reporter())
    start = fill_greedily(record, np.ones(8, dtype=bool), FillParams())
    assert not len(start.targets)
    assert not record.offer(start, "fill")


def test_a_part_of_a_solve_ends_when_the_whole_does():
    """However often a move asks, the limits of its programs end at the same moment."""
    budget = Settings(time_limit_seconds=7.0).budget()
    record = Record(equal_items(8, devices=4), budget, Reporter())
    assert {record.limits().until, record.limits(5, 0.1).until} == {budget.deadline}
