"""Steps that are timed part by part, in processes of their own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

from shardplan.calibrate.steps.design.drawn_plans import drawn_plans
from shardplan.calibrate.steps.training.step_crew import StepCrew
from shardplan.errors import PlanRefused, ShardplanError
from shardplan.plan.file.read import parse_plan
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = [
    "native",
    pytest.param(
        "torchrec",
        marks=pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is missing"),
    ),
]


def small_plans() -> list[Any]:
    """Of the smallest models among some drawn ones, of all sharding types together."""
    drawn = list(drawn_plans(2, 24, 5, Optimizer.SGD))
    drawn.sort(key=lambda plan: sum(t.rows * t.dim for t in plan.case.workload.tables))
    chosen = drawn[:6]
    return [plan.plan() for plan in chosen]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_parts_of_a_step_add_up_to_it(engine: str) -> None:
    """On each rank: of the slowest ranks they are at least as much."""
    plans = small_plans()
    with StepCrew(engine, 2) as crew:
        seconds = np.array(crew.train(plans, rounds=3))
        again = np.array(crew.train(plans[:1], rounds=1))
    assert seconds.shape == (3, len(plans), 2, 4)
    assert again.shape == (1, 1, 2, 4)
    assert (seconds > 0).all()
    parts, steps = seconds[..., :3].sum(axis=-1), seconds[..., 3]
    assert (parts >= steps * (1 - 1e-9)).all()
    assert (seconds[:, :, 0, :3] <= seconds[:, :, 0, 3:]).all()


@pytest.mark.slow
def test_a_plan_that_an_engine_refuses_is_told(tmp_path: Path) -> None:
    """Of four ranks, where there are two; the others are not left waiting."""
    (plan,) = (each.plan() for each in drawn_plans(4, 1, 0, Optimizer.SGD))
    with StepCrew("native", 2) as crew:
        with pytest.raises(ShardplanError, match="native refused a plan"):
            crew.train([plan], rounds=1)
        assert np.array(crew.train(small_plans()[:1], rounds=1)).shape == (1, 1, 2, 4)


@pytest.mark.slow
def test_a_process_that_ends_is_told() -> None:
    with StepCrew("native", 2) as crew:
        crew.processes[1].kill()
        with pytest.raises(ShardplanError, match="a training process ended"):
            crew.train(small_plans()[:1], rounds=1)


def test_steps_of_other_modules_than_plain_bags_are_refused() -> None:
    from test_native_engine import plan_of

    from shardplan.executor.steps.round_times import stand

    text = plan_of(2, "sgd", "none", modules={"sparse.ebc": {"kind": "sequence"}})
    with pytest.raises(PlanRefused, match=r"sparse\.ebc: only steps of plain bags are timed"):
        stand(lambda _: pytest.fail("nothing is sharded"), [parse_plan(text, "plan.json")])
