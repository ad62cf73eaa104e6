"""Plans under other names for equal nodes and devices."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from shardplan.plan.diff.plan_diff import diff_plans
from shardplan.plan.verify import verify
from shardplan.sharding.world import Extent
from shardplan.whatif.assignment import assign
from shardplan.whatif.relabel import relabel

sys.path.insert(0, str(Path(__file__).parents[1] / "diff"))
from diff_cases import EACH, case_of, decisions, plan_of


def moved(old, new, case):
    return diff_plans(old, new, case).moved_bytes


def swapped(decision, nodes, devices):
    """The same with other names: of each node, and of each device inside its node."""
    if decision.sharding.lands is Extent.NODE:
        return replace(decision, targets=tuple(nodes[t] for t in decision.targets))
    names = [nodes[r // EACH] * EACH + devices[r // EACH][r % EACH] for r in range(2 * EACH)]
    return replace(decision, targets=tuple(names[t] for t in decision.targets))


def every_naming():
    inside = list(itertools.permutations(range(EACH)))
    for nodes in itertools.permutations(range(2)):
        for devices in itertools.product(inside, repeat=2):
            yield nodes, devices


@examples(60)
@given(gain=st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=4, max_size=4))
def test_an_assignment_gains_as_much_as_the_best_of_all(gain):
    gain = np.array(gain)
    rows = assign(gain)
    best = max(gain[list(p), range(4)].sum() for p in itertools.permutations(range(4)))
    assert sorted(rows) == [0, 1, 2, 3]
    assert gain[rows, range(4)].sum() == best


@examples(40)
@given(data=st.data())
def test_the_same_plan_under_other_names_moves_nothing(data):
    case = case_of()
    made = data.draw(decisions(case))
    nodes, devices = data.draw(st.sampled_from(list(every_naming())))
    old = plan_of(case, made)
    new = plan_of(case, tuple(swapped(each, nodes, devices) for each in made))
    plan, relabelling = relabel(old, new, case)
    assert moved(old, plan, case) == 0
    assert (relabelling is None) == (moved(old, new, case) == 0)
    if relabelling:
        assert relabelling.as_written_bytes == moved(old, new, case)
        assert sorted(relabelling.new_rank) == list(range(2 * EACH))


@examples(40)
@given(data=st.data())
def test_no_naming_moves_less_than_the_one_found(data):
    """Of plans whose column blocks lie one to a place, so that no order of them is better."""
    case = case_of()
    old, made = plan_of(case, data.draw(decisions(case))), data.draw(decisions(case))
    if any(len(d.targets) > 1 for d in made):
        made = tuple(replace(d, targets=d.targets[:1] * len(d.targets)) for d in made)
    new = plan_of(case, made)
    found = moved(old, relabel(old, new, case)[0], case)
    for nodes, devices in every_naming():
        other = plan_of(case, tuple(swapped(each, nodes, devices) for each in made))
        assert found <= moved(old, other, case)


@examples(20)
@given(data=st.data())
def test_names_are_settled_after_once(data):
    case = case_of()
    old, new = (plan_of(case, data.draw(decisions(case))) for _ in range(2))
    plan, _ = relabel(old, new, case)
    assert relabel(old, plan, case) == (plan, None)


def test_a_relabelled_plan_is_as_good_and_its_own_inputs_are_kept(plan_pair):
    old, new, case = plan_pair
    plan, relabelling = relabel(old, new, case)
    assert relabelling is not None
    assert verify(plan) == ()
    assert (plan.inputs, plan.run, plan.solver) == (new.inputs, new.run, new.solver)
    assert plan.prediction.step_seconds == pytest.approx(new.prediction.step_seconds, rel=1e-3)


def test_devices_that_a_constraint_names_keep_their_names(plan_pair):
    from shardplan.options.constraint import Constraint

    old, new, case = plan_pair
    pinned = case.demanding(Constraint((0,), ranks=(3,)))
    plan, relabelling = relabel(old, new, pinned)
    assert relabelling is None or relabelling.new_rank[3] == 3
    assert plan.plan["sparse.ebc"]["a"].ranks == new.plan["sparse.ebc"]["a"].ranks


def test_another_number_of_devices_in_a_node_is_left_alone(plan_pair):
    old, new, case = plan_pair
    assert relabel(old.model_copy(update={"local_world_size": 4}), new, case) == (new, None)


@pytest.fixture
def plan_pair():
    """A plan, and the same with its nodes swapped."""
    from shardplan.plan.decision import Decision
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType

    case = case_of()
    places = (0, 1, 2), (3, 2, 1)
    old, new = (
        plan_of(
            case,
            tuple(
                Decision(t, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (rank,))
                for t, rank in enumerate(ranks)
            ),
        )
        for ranks in places
    )
    return old, new, case
