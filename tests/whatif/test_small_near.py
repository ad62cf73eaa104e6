"""Plans near old ones against all placements of small problems: none moves less for its step, and
none has a shorter step for what it moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from near_cases import every_placement
from small_specs import small_specs

from shardplan.build_case import case_of_value
from shardplan.plan.diff.moves import Moves
from shardplan.plan.diff.transfer import link_uses, slowest_seconds_per_byte
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.relocation_params import RelocationParams
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.settings import Settings
from shardplan.whatif.move_little import move_little
from shardplan.whatif.near.amortisation import Amortisation
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.replan import replan

CLOSE = Settings(gap=1e-4, time_limit_seconds=1e6)
AGREEMENT = 1e-4


@dataclass
class Small:
    """A small problem that follows an old plan, with what each of its placements takes."""

    then: object
    now: object
    old: object
    moved_bytes: np.ndarray
    objective: np.ndarray

    @classmethod
    def of(cls, seed):
        before, after, change = small_specs(seed)
        then, now = case_of_value(before, "old"), case_of_value(after, "new")
        # Where nothing changes, something is left to gain.
        method = "greedy-size" if change == "none" else "auto"
        old = make_plan(then, Settings(method, time_limit_seconds=1e6, effort=0.05), Reporter())
        formulation = formulate(now)
        count = Relocation.of(old, now).moves(formulation, 0.0).count
        found = [
            (count(placement).sum(), state.objective)
            for placement in every_placement(formulation.problem)
            if (state := evaluate(formulation.problem, placement)).fits
            and is_legal(formulation.problem, placement)
        ]
        return cls(then, now, old, *np.array(found).T)

    def breaking_even(self):
        """The steps after which the best plan has paid for what it moves."""
        best = self.objective <= self.objective.min() * (1 + AGREEMENT)
        kept = self.moved_bytes <= self.moved_bytes.min()
        gain = self.objective[kept].min() - self.objective.min()
        price = slowest_seconds_per_byte(self.now.topology)
        return price * self.moved_bytes[best].min() / gain


@pytest.fixture(scope="module", params=[2, 25, 34])
def small(request):
    return Small.of(request.param)


@pytest.mark.parametrize("share", [0.03, 0.3])
def test_no_placement_within_the_budget_has_a_shorter_step(small, share):
    budget = share * small.moved_bytes.max()
    plan = replan(small.old, small.then, small.now, budget, CLOSE, Reporter())
    best = small.objective[small.moved_bytes <= budget].min()
    assert plan.moves.moved_bytes <= budget
    assert plan.optimality.objective_seconds == pytest.approx(best, rel=AGREEMENT)
    assert best * (1 - AGREEMENT) <= plan.optimality.lower_bound_seconds <= best * (1 + 1e-6)


def test_without_the_program_bytes_at_a_price_lead_as_near(small, monkeypatch):
    """Balancing alone, without rounds or a whole solve."""
    for left_out in ("improve", "raise_free_bound"):
        rounds = "shardplan.solve.portfolio.limited_relocation._Rounds"
        monkeypatch.setattr(f"{rounds}.{left_out}", lambda rounds: None)
    budget = 0.3 * small.moved_bytes.max()
    alone = RelocationParams(few_columns=0, most_columns=0)
    asked = replace(CLOSE, gap=0.01, search=SearchParams(relocation=alone))
    plan = replan(small.old, small.then, small.now, budget, asked, Reporter())
    best = small.objective[small.moved_bytes <= budget].min()
    assert plan.moves.moved_bytes <= budget
    assert best * (1 - AGREEMENT) <= plan.optimality.objective_seconds <= best * 1.01
    assert plan.optimality.lower_bound_seconds <= best * (1 + 1e-6)


@pytest.mark.parametrize("gap", [1e-4, 0.02])
@pytest.mark.parametrize("times", [0.3, 3])
def test_of_placements_that_cost_as_little_none_moves_less(small, times, gap):
    """Cost is the step and the moves, spread over the steps that are to pay for them."""
    steps = times * small.breaking_even()
    plan = move_little(
        small.old, small.then, small.now,
        Settings(gap=gap, time_limit_seconds=1e6), Reporter(), amortise=Amortisation(steps=steps),
    )  # fmt: skip
    price = slowest_seconds_per_byte(small.now.topology) / steps
    cost = small.objective + price * small.moved_bytes
    moved = plan.moves.moved_bytes
    assert plan.optimality.objective_seconds + price * moved <= cost.min() * (1 + gap + AGREEMENT)
    assert moved <= small.moved_bytes[cost <= cost.min() * (1 + gap)].min() * (1 + AGREEMENT)


@pytest.mark.parametrize("nodes", [1, 2])
def test_moves_take_no_longer_than_one_byte_after_the_other_on_the_slowest_link(nodes):
    spec = small_specs(0)[0]
    spec["topology"] |= {"nodes": nodes, "devices_per_node": 4}
    topology = case_of_value(spec, "spec").topology
    draw = np.random.default_rng(0)
    none = np.zeros(0, dtype=np.int64)
    for _ in range(10):
        source, target = draw.integers(0, topology.world_size, (2, 30))
        apart = source != target
        moved = draw.integers(1, 10**9, apart.sum())
        moves = Moves(source[apart], target[apart], moved, none, none)
        seconds = sum(use.seconds for use in link_uses([moves], topology))
        assert 0 < seconds <= moved.sum() * slowest_seconds_per_byte(topology) * (1 + 1e-8)
    alone = Moves(np.array([0]), np.array([topology.world_size - 1]), np.array([10**9]), none, none)
    (use,) = link_uses([alone], topology)
    assert use.seconds == pytest.approx(10**9 * slowest_seconds_per_byte(topology))


def test_the_bound_of_a_plan_of_the_same_spec_is_kept():
    before, _, _ = small_specs(24)
    case = case_of_value(before, "spec")
    old = make_plan(case, CLOSE, Reporter())
    quick = Settings("greedy", gap=0.5, time_limit_seconds=1e6, node_limit=1, effort=0.01)
    without = make_plan(case, quick, Reporter()).optimality.lower_bound_seconds
    bound = old.optimality.lower_bound_seconds
    assert without < bound
    plan = move_little(old, case, case, quick, Reporter())
    assert plan.optimality.lower_bound_seconds == pytest.approx(bound)
    plan = replan(old, case, case, 1e6, quick, Reporter())
    assert plan.optimality.lower_bound_seconds >= bound * (1 - 1e-9)
