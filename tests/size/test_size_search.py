"""The search, with steps that are known beforehand in place of the solver's."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from random_spaces import machine, random_space

from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.size.answer.front_file import front_text, parse_front
from shardplan.size.answer.open import OpenReason
from shardplan.size.bounds.least_step import least_step
from shardplan.size.crew.crew import Crew
from shardplan.size.crew.job import Job, Result, Solved, run
from shardplan.size.crew.processes import Processes
from shardplan.size.crew.start import Start
from shardplan.size.search.first_bounds import prove_alone
from shardplan.size.search.impossibles import impossible_runs
from shardplan.size.search.size import size
from shardplan.size.search.size_settings import SizeSettings
from shardplan.size.search.standings import Standings
from shardplan.size.space.build_space import build_space
from shardplan.size.space.space import Space
from shardplan.size.terms.terms import Terms
from shardplan.solve.deadline import ENDLESS
from shardplan.spec.load import spec_from_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.size.answer.front import Front

EXACT = SizeSettings(gap=0.0)


@cache
def solved_once() -> Solved:
    """Some plan."""
    space = build_space(spec_from_value(one_machine([1]), "spec"))
    job = Job(space.case(space.candidates[0]), EXACT.of_solve(ENDLESS, in_full=False), Start())
    found = run(job)
    assert isinstance(found, Solved)
    return found


def one_machine(nodes: list[int], **size: object) -> dict[str, object]:
    """Two small tables on one device a node."""
    topology = machine("one", 1, "16GiB", 400)
    return {
        "batch": {"local": 512},
        "topology": topology,
        "defaults": {"dim": 16},
        "tables": [{"name": name, "rows": 1000} for name in "ab"],
        "size": {"machines": [{"topology": topology, "nodes": nodes}], **size},
    }


class Oracle(Crew):
    """Answers each job with a step drawn for it, and a rough one with a bound below it."""

    def __init__(self, space: Space, seed: int, stops_after: int | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.steps: dict[tuple[str, int, int], float] = {}
        for candidate in space.candidates:
            case = space.case(candidate)
            bound = least_step(case).seconds
            self.steps[self.key(case)] = bound * float(1 + rng.exponential(0.5))
        self.jobs = 0
        self.stops_after = stops_after

    @staticmethod
    def key(case: object) -> tuple[str, int, int]:
        return (case.machine.file.name, case.machine.nodes, case.samples)  # type: ignore[attr-defined]

    def results(
        self, jobs: Sequence[Job], should_stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Result]]:
        for number, job in enumerate(jobs):
            if self.is_stopping():
                return
            self.jobs += 1
            step, is_full = self.steps[self.key(job.case)], job.limits.method == "auto"
            yield number, self.solved(step, step if is_full else 0.9 * step)

    def is_stopping(self) -> bool:
        return self.stops_after is not None and self.jobs >= self.stops_after

    def solved(self, step: float, bound: float) -> Solved:
        one = solved_once()
        forecast = one.plan.prediction.model_copy(update={"step_seconds": step})
        claim = Optimality.of(
            one.plan.optimality.objective, step, bound,
            bound="relaxation", status=Status.FEASIBLE, termination=Termination.GAP,
        )  # fmt: skip
        plan = one.plan.model_copy(update={"prediction": forecast, "optimality": claim})
        return replace(one, plan=plan)


def best_of(space: Space, oracle: Oracle) -> set[str]:
    """The front of all steps, by comparing each with each."""
    values = {}
    for candidate in space.candidates:
        step = oracle.steps[oracle.key(space.case(candidate))]
        if step < float("inf"):
            found = Terms.of(space, candidate).values(step, space.size.goals)
            values[space.design(candidate).words] = np.array(found)
    return {
        one
        for one, mine in values.items()
        if not any((v <= mine).all() and (v < mine).any() for v in values.values())
    }


@pytest.mark.parametrize("seed", range(12))
def test_the_front_is_that_of_all_steps_and_most_are_not_solved(seed: int) -> None:
    space = random_space(seed)
    if space.size.target is not None:
        space = replace(space, size=space.size.model_copy(update={"target": None}))
    oracle = Oracle(space, seed)
    front = size(space, EXACT, crew=oracle).front
    assert {point.design.words for point in front.points} == best_of(space, oracle)
    assert front.is_complete
    assert oracle.jobs <= 2 * len(space.candidates)


def test_a_stop_answers_the_front_so_far_and_says_what_is_open() -> None:
    space = random_space(7)
    oracle = Oracle(space, 7, stops_after=3)
    front = size(space, replace(EXACT, should_stop=oracle.is_stopping), crew=oracle).front
    assert 0 < len(front.points) <= 3
    assert not front.is_complete
    assert OpenReason.INTERRUPTED in {each.reason for each in front.open}
    assert parse_front(front_text(front), "front") == front


def test_hundreds_of_node_counts_take_few_cases_and_are_told_in_ranges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    value = one_machine(list(range(1, 301)), target={"step": "1us"})
    space = build_space(spec_from_value(value, "spec"))
    made = []
    build = Space.case
    monkeypatch.setattr(Space, "case", lambda self, c: made.append(c) or build(self, c))
    front = size(space, EXACT, crew=Crew()).front
    assert front.candidates == 300
    assert sum(each.designs.candidates for each in front.impossible) == 300
    assert len(front.impossible) < 100
    assert len(made) < 60


def test_the_terms_of_a_proof_add_up_to_a_bound_that_the_solver_has_raised() -> None:
    space = build_space(spec_from_value(one_machine([2], target={"step": "1us"}), "spec"))
    standings = Standings.of(space)
    prove_alone(standings, 0)
    raised = 1.25 * float(standings.bound_seconds[0])
    standings.prove(0, raised)
    (proof,) = (each.proof for each in impossible_runs(standings, [0]))
    assert sum(proof.terms.values()) == pytest.approx(raised)
    assert proof.terms["uneven load"] == pytest.approx(raised / 5)


def front_of(threads: int) -> Front:
    value = one_machine([1, 2, 4], batch=[512, 1024])
    space = build_space(spec_from_value(value, "spec"))
    return size(space, EXACT, crew=Crew() if threads == 1 else Processes(threads)).front


def test_processes_side_by_side_find_the_same_bytes() -> None:
    assert front_text(front_of(2)) == front_text(front_of(1))
