"""The drop-in's plans under TorchRec's own estimator, beside those of TorchRec's planner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from both_planners import compare
from drawn_jobs import DrawnJob
from effort import examples
from torchrec.distributed.planner.perf_models import NoopPerfModel

from shardplan.plan.verify import verify
from shardplan.torchrec import Planner

pytestmark = pytest.mark.filterwarnings("ignore")

if TYPE_CHECKING:
    from torchrec.distributed.planner.types import ShardingOption

PER_MILLISECOND = 1e-3
ROUNDED = 1e-8
"""What plan files keep of a number."""
SEEDS = range(3)
MIXED_SEEDS = range(examples(6).max_examples)


def planned(job: DrawnJob, **more: object) -> tuple[Planner, float]:
    """The planner, and milliseconds of the busiest rank by TorchRec's estimator."""
    seen: list[list[ShardingOption]] = []

    def keep(options: list[ShardingOption]) -> list[ShardingOption]:
        seen.append(options)
        return options

    planner = Planner(**job.arguments(), callbacks=[keep], **more)
    planner.plan(job.model, job.sharders)
    return planner, NoopPerfModel(topology=job.topology()).rate(plan=seen[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_costs_what_torchrecs_estimator_says(seed: int) -> None:
    planner, milliseconds = planned(DrawnJob.of(seed), timeout_seconds=3)
    claimed = planner.made.optimality.objective_seconds
    assert claimed == pytest.approx(milliseconds * PER_MILLISECOND, rel=ROUNDED)
    assert verify(planner.made) == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", MIXED_SEEDS)
def test_a_plan_is_never_slower_than_torchrecs(seed: int) -> None:
    """``benchmarks/both_planners.py`` holds 30 of them against each other."""
    assert not compare(DrawnJob.mixed(seed), timeout_seconds=3).is_slower


@pytest.mark.slow
def test_a_plan_of_a_hundred_tables_takes_less_work_than_torchrecs() -> None:
    pair = compare(DrawnJob.of(7, tables=100))
    assert pair.cpu_seconds < pair.torchrec_cpu_seconds
    assert not pair.is_slower
