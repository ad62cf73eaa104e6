"""Pipelines that hide lookups and outputs behind parts of the dense layers' work."""

from __future__ import annotations

import numpy as np
import pytest

from shardplan import Settings, explain, load, plan, verify
from shardplan.cost.phase import Phase
from shardplan.cost.step import Step
from shardplan.errors import InputError
from shardplan.explain.advice.advice import warnings
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.timeline import timeline
from shardplan.workload.pipeline.cover import Cover
from shardplan.workload.pipeline.pipeline import Pipeline

LAYERS = {"layers": [{"mlp": [13, 512, 64]}, {"concat": {"width": 128}}, {"mlp": [128, 1024, 1]}]}
MILLISECONDS = {"forward_ms": 0.1, "backward_ms": 0.3, "optimizer_ms": 0.1}


def spec(pipeline: str, dense=LAYERS, pooling: int = 20, **more):
    return {
        "batch": {"local": 2048},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {"optimizer": "sgd", "pipeline": pipeline, "dense": dense, **more},
        "tables": [
            {"name": "a", "rows": 1_000_000, "dim": 64, "pooling": pooling},
            {"name": "b", "rows": 2_000_000, "dim": 64, "pooling": 5},
        ],
        "constraints": [{"tables": "*", "sharding": "row_wise", "kernels": "fused"}],
    }


def planned(pipeline: str, **more):
    return plan(load(spec(pipeline, **more)), Settings("greedy"))


def by_hand(made, hidden: tuple[str, ...], part: str) -> float:
    """The step with what hides beside a part of it, of the phases that the plan tells."""
    told = made.prediction
    seconds = told.phases | told.dense_parts
    beside = sum(seconds[name] for name in hidden)
    rest = sum(seconds.values()) - beside - seconds[part] - told.phases["ids_comm"]
    return rest + max(beside, seconds[part])


HIDDEN = {
    "semi_sync": (("output_comm",), "dense_backward"),
    "fused_sparse_dist": (("lookup_forward", "output_comm"), "dense_optimizer"),
}


@pytest.mark.parametrize("dense", [LAYERS, MILLISECONDS])
@pytest.mark.parametrize("pooling", [1, 400])
@pytest.mark.parametrize("pipeline", HIDDEN)
def test_a_step_waits_for_the_longer_of_a_part_and_of_what_hides_behind_it(
    pipeline, pooling, dense
):
    made = planned(pipeline, dense=dense, pooling=pooling)
    told = made.prediction
    assert told.step_seconds == pytest.approx(by_hand(made, *HIDDEN[pipeline]), rel=1e-5)
    assert told.dense_seconds == pytest.approx(sum(told.dense_parts.values()), rel=1e-5)
    assert (
        told.step_seconds
        < planned("sparse_dist", dense=dense, pooling=pooling).prediction.step_seconds
    )
    assert not verify(made)
    assert made.optimality.lower_bound_seconds <= told.step_seconds
    hidden, part = HIDDEN[pipeline]
    spans = {span.name: span for span in timeline(told)}
    assert spans[part].begin_seconds == pytest.approx(spans[hidden[0]].begin_seconds)
    assert spans[part].is_hidden != spans[hidden[0]].is_hidden
    last = max(span.end_seconds for span in spans.values())
    assert last == pytest.approx(told.step_seconds, rel=1e-5)


def test_parts_of_a_step_hide_in_all_combinations():
    """2 s of outputs beside 3 of a pass, 4 s of sums beside 1 of another: max by max."""
    phases = (
        Phase("output_comm", hides_behind=Cover.DENSE_BACKWARD),
        Phase("gradient_comm"),
        Phase("all_reduce", hides_behind=Cover.BACKWARD),
    )
    shares = {Cover.DENSE_BACKWARD: 0.75}
    for outputs, passes, sums in [(2, 1, 4), (5, 1, 4), (5, 3, 2), (2, 3, 2)]:
        step = Step(phases, 4.0, True, shares)
        spent = np.array([[outputs, passes, sums]], dtype=float)
        assert step.seconds(spent) == 1 + max(3, outputs) + max(passes, sums)


@pytest.mark.parametrize("pipeline", HIDDEN)
def test_nothing_hides_behind_work_of_which_no_time_is_known(pipeline):
    made = planned(pipeline, dense={"forward_ms": 0.1})
    assert not made.prediction.beside
    exact = planned("sparse_dist", dense={"forward_ms": 0.1})
    assert made.prediction.step_seconds == exact.prediction.step_seconds
    warned = {each.code for each in warnings(load(spec(pipeline, {"forward_ms": 0.1})))}
    assert "empty_cover" in warned


def test_stale_rows_are_named_with_what_they_bring():
    made = planned("semi_sync")
    exact = planned("sparse_dist")
    (note,) = [note for note in explain(made).notes if "changes what is learnt" in note]
    assert "sparse_dist trains exactly" in note
    assert f"{exact.prediction.step_seconds * 1e6:.3g} us with it" in note
    assert [one for one in Pipeline if one.stale_steps] == [Pipeline.SEMI_SYNC]


def test_jobs_that_torchrecs_pipeline_trains_otherwise_are_refused():
    value = spec("fused_sparse_dist")
    value["training"]["replicas"] = {"groups": 2}
    with pytest.raises(InputError, match="never averages groups of devices"):
        load(value)
    value = spec("fused_sparse_dist")
    value["modules"] = {"": {"kind": "feature_processed"}}
    with pytest.raises(InputError, match="weights of positions"):
        load(value)
    with pytest.raises(InputError, match="ms of backward_ms"):
        load(spec("fused_sparse_dist", MILLISECONDS | {"optimizer_ms": 0.4}))


def test_explanations_share_the_step_among_the_parts_that_it_waits_for():
    for dense in (LAYERS, MILLISECONDS):
        made = planned("semi_sync", dense=dense)
        study, told = Study.of(made, "a"), made.prediction
        is_longer = told.phases["output_comm"] > told.dense_parts["dense_backward"]
        assert is_longer == (dense is LAYERS)
        lines = {line.name: line.is_hidden for line in explain(made).dense_phases}
        expected = {name: is_longer and name == "dense_backward" for name in told.dense_parts}
        assert lines == expected
        waited = sum(s for name, s in told.dense_parts.items() if not lines[name])
        share = study.case.step.dense_share(study.rank_seconds)
        assert share * told.dense_seconds == pytest.approx(waited, rel=1e-5)
