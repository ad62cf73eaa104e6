"""A solve goes on in passes of growing effort while there is time and gap, and does not go back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar

import numpy as np
import pytest
from problems import problem_of

from shardplan.solve.budget import Budget
from shardplan.solve.deadline import ENDLESS, Deadline
from shardplan.solve.outcome import Ending
from shardplan.solve.portfolio.passes import efforts_of_passes
from shardplan.solve.portfolio.portfolio import improve, prove_relaxation, solve
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.annealing.annealing import Annealing
from shardplan.solve.search.blocks import Blocks
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.moves import MOVES
from shardplan.solve.search.proofs.deeper_choice import DeeperChoice
from shardplan.solve.search.record import Record
from shardplan.solve.search.repartition.repartition import RepartitionParams
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.search.starts.starting_options import OptionChoiceParams
from shardplan.solve.settings import Settings

UNLIMITED = 1e6


class Clock:
    """Set by those who work."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@dataclass(frozen=True)
class Working(Move):
    """Takes a second, and finds nothing."""

    clock: Clock
    passes: list[int] = field(default_factory=list)

    name: ClassVar[str] = "working"
    when: ClassVar[When] = When.END

    def improve(self, record: Record, turn: Turn) -> None:
        self.clock.seconds += 1.0
        self.passes.append(turn.number_of_pass)


def hard(items: int = 18, devices: int = 4, seed: int = 5) -> Problem:
    """Of which no gap of nothing is proven: whole items and halves of them, in three stages."""
    rng = np.random.default_rng(seed)
    whole = rng.lognormal(size=(items, 1, 3))
    load = np.concatenate([whole, 0.55 * whole, whole / devices * 1.3], axis=1).reshape(-1, 3)
    return problem_of(
        load,
        options_per_item=3,
        shape=[Shape.DEVICE, Shape.DEVICE, Shape.ALL] * items,
        units=[1, 2, 1] * items,
        devices=devices,
    )


def searching(*, but: tuple[str, ...] = ()) -> SearchParams:
    """All moves except trees, which alone would close a problem so small."""
    trees = ("small_program", "full_program", *but)
    return SearchParams(tuple(move for move in MOVES if move.name not in trees))


def worked(seconds: float, **limits) -> tuple[Working, Record]:
    """What is done within so many seconds of a clock that only work moves."""
    clock = Clock()
    budget = Budget(Deadline.after(seconds, clock), gap=0.0, **limits)
    record, move = Record(hard(), budget, Reporter()), Working(clock)
    improve(record, "auto", SearchParams((move,)))
    return move, record


@pytest.mark.parametrize(
    ("most", "efforts"),
    [(0.02, [0.02]), (1.0, [1.0]), (2.0, [1.0, 1.0]), (3.0, [1.0, 2.0]), (9.5, [1, 2, 4, 2.5])],
)
def test_passes_double_their_effort_and_spend_no_more_than_all_of_it(most, efforts):
    assert list(efforts_of_passes(most)) == pytest.approx(efforts)


def test_without_a_limit_there_is_always_another_pass():
    found = list(islice(efforts_of_passes(float("inf")), 50))
    assert found[:4] == [1.0, 2.0, 4.0, 8.0]
    assert found == sorted(found)
    assert np.isfinite(found).all()


def test_a_time_limit_alone_is_used_up():
    move, record = worked(7.0, most_effort=float("inf"))
    assert move.passes == [0, 1, 2, 3, 4, 5, 6]
    assert record.outcome().ending is Ending.TIME_LIMIT


def test_a_limit_of_effort_ends_it_whatever_time_is_left():
    move, record = worked(1e9, most_effort=7.0)
    assert move.passes == [0, 1, 2]
    assert record.outcome().ending is Ending.NODE_LIMIT


def test_patience_ends_it_between_passes():
    clock = Clock()
    budget = Budget(Deadline.after(1e9, clock), 0.0, patience_seconds=3.5, most_effort=float("inf"))
    record, move = Record(hard(), budget, Reporter()), Working(clock)
    known = solve(record.problem, Settings("greedy", time_limit_seconds=UNLIMITED)).placement
    improve(record, "auto", SearchParams((move,)), [known])
    assert move.passes == [0, 1, 2, 3]
    assert record.outcome().ending is Ending.PATIENCE


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (Settings(), float("inf")),
        (Settings(node_limit=10), 1.0),
        (Settings(node_limit=10, effort=3.0), 3.0),
        (Settings(effort=0.1), 0.1),
        (Settings().in_one_pass(), 1.0),
        (Settings(effort=0.1).in_one_pass(), 0.1),
    ],
)
def test_nodes_limit_the_effort_and_time_does_not(settings, most):
    assert settings.budget().most_effort == most


def test_methods_that_have_nothing_to_do_again_end_by_themselves():
    for method in ("greedy", "greedy-dim"):
        outcome = solve(hard(), Settings(method, gap=0.0, time_limit_seconds=UNLIMITED))
        assert outcome.ending is Ending.NODE_LIMIT


def test_what_the_tree_weighed_wholly_is_not_searched_for_again():
    """Where options were left out no bound counts; the best of the others is found all the same."""
    problem = replace(hard(items=4, devices=2), is_partial=True)
    outcome = solve(problem, Settings("milp", gap=0.0, time_limit_seconds=UNLIMITED))
    proven = solve(hard(items=4, devices=2), Settings("milp", gap=0.0, time_limit_seconds=1e6))
    assert (proven.ending, outcome.ending) == (Ending.GAP, Ending.FINISHED)
    assert outcome.lower_bound == 0.0
    assert outcome.objective == pytest.approx(proven.objective)


def test_a_later_pass_raises_the_bound_by_whole_options_and_not_above_the_best_plan():
    problem = hard(items=5, devices=2)
    best = solve(problem, Settings("milp", gap=0.0, time_limit_seconds=UNLIMITED))
    record = Record(problem, Budget(ENDLESS, gap=0.0), Reporter())
    record.offer(best.placement, "known")
    prove_relaxation(record, SearchParams())
    every = np.ones(problem.option_count, dtype=bool)
    turn = Turn("auto", 0, 0, RepartitionParams(), every)
    before = record.lower_bound
    DeeperChoice().improve(record, turn)
    assert record.lower_bound == before
    DeeperChoice().improve(record, replace(turn, number_of_pass=1))
    assert before < record.lower_bound <= best.objective * (1 + 1e-6)


def test_more_effort_does_what_less_did_and_then_more():
    """Objective by objective and bound by bound, so that no longer run has a worse plan."""
    less, more = (
        solve(
            hard(),
            Settings(gap=0.0, time_limit_seconds=UNLIMITED, effort=effort, search=quick()),
        )
        for effort in (1.0, 3.0)
    )
    one, other = (
        [(point.objective, point.lower_bound) for point in outcome.history]
        for outcome in (less, more)
    )
    assert other[: len(one)] == one
    assert (more.objective, -more.lower_bound) <= (less.objective, -less.lower_bound)


def test_several_passes_end_at_the_same_placement_each_time():
    first, second = (
        solve(
            hard(seed=8),
            Settings(gap=0.0, time_limit_seconds=UNLIMITED, effort=3.0, seed=4, search=quick()),
        )
        for _ in range(2)
    )
    assert first.placement == second.placement
    assert [p.objective for p in first.history] == [p.objective for p in second.history]


def quick() -> SearchParams:
    """Short restarts, without trees."""
    search = searching(but=("annealing", "early_annealing"))
    effort = replace(search.shared.repartition, small_rounds=40, all_rounds=480)
    return replace(search, shared=replace(search.shared, repartition=effort))


@pytest.mark.parametrize(
    ("move", "stage"),
    [(Blocks(most_places=20), "blocks"), (Annealing(most_places=20), "annealing")],
)
def test_what_is_too_large_for_the_first_pass_has_its_turn_in_a_later_one(move, stage):
    problem, stages = hard(), []

    class Hearing(Reporter):
        def starting(self, stage: str) -> None:
            stages.append(stage)

    known = solve(problem, Settings("greedy", time_limit_seconds=UNLIMITED)).placement
    for effort, begun in ((1.0, False), (16.0, True)):
        record = Record(problem, Budget(ENDLESS, 0.0), Hearing())
        record.offer(known, "start")
        turn = Turn(
            "auto",
            0,
            1,
            RepartitionParams(),
            np.ones(problem.option_count, bool),
            stretch=effort**0.5,
        )
        assert record.place_count == 72
        replace(move, **({"steps": 2} if stage == "annealing" else {"blocks": 1})).improve(
            record, turn
        )
        assert (stage in stages) is begun


def test_a_choice_of_a_longer_pass_may_be_larger():
    first, later = OptionChoiceParams(), OptionChoiceParams().stretched(2.0)
    assert first.stretched(0.5) == first
    assert (later.most_options, later.rounds) == (2 * first.most_options, 2 * first.rounds)
