"""Plans whose data-parallel tables are summed by nodes, or in part: stated, verified, explained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shardplan import Settings, explain, load, plan, verify
from shardplan.errors import InputError
from shardplan.explain.advice.advice import warnings
from shardplan.plan.carried import carried_case
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.solve.reporter import Reporter
from shardplan.whatif.replan import replan
from shardplan.whatif.resume import resume
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm

NOTICE = "top-k all-reduce changes what is learnt"


def spec(nodes: int = 2, **all_reduce: Any) -> dict[str, Any]:
    return {
        "batch": {"local": 1024},
        "topology": {"name": "dgx-a100", "nodes": nodes},
        "training": {"optimizer": "sgd", "all_reduce": all_reduce},
        "tables": [
            {"name": name, "rows": rows, "dim": 64}
            for name, rows in (("small", 1_000), ("large", 1_000_000))
        ],
        "constraints": [{"tables": "small", "sharding": "data_parallel"}],
    }


def planned(**all_reduce: Any) -> Any:
    return plan(load(spec(**all_reduce)), Settings(node_limit=5))


def test_a_plan_says_how_gradients_are_summed_and_is_verified() -> None:
    made = planned(algorithm="hierarchical", top_k="10%")
    assert not verify(made)
    value = json.loads(render(made))
    assert value["training"]["all_reduce"] == {"algorithm": "hierarchical", "top_k": 0.1}
    assert made.training.reduction == Reduction(ReductionAlgorithm.HIERARCHICAL, 0.1)
    assert made.optimality.lower_bound_seconds <= made.optimality.objective_seconds
    said = " ".join(explain(made).notes)
    assert f"{NOTICE}: " in said
    assert "only the largest 10% of all numbers are summed in a step" in said
    assert "sparsified hierarchical sums of data-parallel tables take" in said


def test_a_plan_of_flat_and_exact_sums_says_nothing_of_them() -> None:
    made = planned()
    assert "all_reduce" not in json.loads(render(made))["training"]
    assert NOTICE not in " ".join(explain(made).notes)


def test_a_plan_whose_sums_were_edited_is_refused() -> None:
    value = json.loads(render(planned(top_k="10%")))
    value["training"]["all_reduce"]["top_k"] = 0.2
    (found,) = verify(parse_plan(json.dumps(value), "edited"))
    assert str(found).endswith("training.all_reduce.top_k: is 0.2; by the spec it is 0.1")


@pytest.mark.parametrize(
    ("nodes", "all_reduce", "codes"),
    [
        (2, {"algorithm": "hierarchical"}, []),
        (1, {"algorithm": "hierarchical"}, ["flat_sums"]),
        (2, {"top_k": "1%"}, ["inexact_sums"]),
    ],
)
def test_specs_are_warned_of_sums_that_are_not_exact_or_not_by_nodes(
    nodes: int, all_reduce: dict[str, Any], codes: list[str]
) -> None:
    found = warnings(load(spec(nodes, **all_reduce)))
    assert [each.code for each in found if each.path[:2] == ("training", "all_reduce")] == codes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"training": {"all_reduce": {"algorithm": "ring"}}},
            "must be one of flat, hierarchical, auto",
        ),
        ({"training": {"all_reduce": {"top_k": "0%"}}}, "leave it out to sum all numbers"),
        ({"training": {"all_reduce": {"top_k": 0}}}, "must be more than 0% (got 0)"),
        ({"training": {"all_reduce": {"top_k": 10}}}, "did you mean 10%?"),
        (
            {"cost_model": "torchrec", "training": {"all_reduce": {"top_k": "10%"}}},
            "knows no other sums than flat and exact ones",
        ),
    ],
)
def test_faults_of_sums(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        load(spec() | changes)
    assert told in str(caught.value)


def test_a_plan_states_which_way_was_taken_where_the_spec_leaves_it_open() -> None:
    """Sixteen devices on two nodes: pairs of all would be 1.6 times the gradient, and more."""
    made = planned(algorithm="auto", top_k="10%")
    assert not verify(made)
    stated = json.loads(render(made))
    assert stated["training"]["all_reduce"]["algorithm"] == "hierarchical"
    assert stated["resolved"]["training"]["all_reduce"]["algorithm"] == "auto"
    stated["training"]["all_reduce"]["algorithm"] = "flat"
    edited = verify(parse_plan(json.dumps(stated), "edited"))
    assert {each.code for each in edited} == {"prediction"}


@pytest.mark.parametrize(("nodes", "rows"), [(2, 100_000), (8, 100_000), (8, 1_000)])
def test_open_sums_take_no_longer_than_any_way_that_a_spec_may_ask_for(
    nodes: int, rows: int
) -> None:
    """Of few bytes start-ups decide, of many the bytes that cross; no single size stands for both.

    The bound is of plans that sum either way.
    """

    def summed(algorithm: str) -> Any:
        value = spec(nodes, algorithm=algorithm)
        value["topology"]["name"] = "dgx-h100"
        value["tables"] = [{"name": "t", "rows": rows, "dim": 64, "pooling": 10}]
        value["constraints"] = [{"tables": "t", "sharding": "data_parallel"}]
        case = load(value)
        return plan(case, Settings(node_limit=5)), case

    (flat, _), (by_nodes, _) = summed("flat"), summed("hierarchical")
    made, case = summed("auto")
    seconds = [each.prediction.step_seconds for each in (flat, by_nodes)]
    assert made.prediction.step_seconds == pytest.approx(min(seconds), rel=1e-12)
    assert made.optimality.lower_bound_seconds <= min(seconds)
    assert verify(made) == verify(made, case) == ()
    assert explain(made).step_seconds == made.prediction.step_seconds
    assert resume(made, carried_case(made, "made"), case).doubt == ""


def test_near_an_old_plan_sums_stay_as_they_were() -> None:
    then, now = load(spec(algorithm="hierarchical")), load(spec(algorithm="auto"))
    old = plan(then, Settings("greedy"))
    quick = Settings(node_limit=5, effort=0.02, time_limit_seconds=5)
    found = replan(old, then, now, None, quick, Reporter())
    assert found.training.reduction.algorithm is ReductionAlgorithm.HIERARCHICAL
    assert verify(found, now) == ()
