"""What TorchRec's planner would try, beside what it does."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_jobs import DrawnJob
from torchrec.distributed.planner import EmbeddingShardingPlanner
from torchrec.distributed.planner.enumerators import EmbeddingEnumerator
from torchrec.distributed.planner.partitioners import GreedyPerfPartitioner
from torchrec.distributed.planner.perf_models import NoopPerfModel
from torchrec.distributed.planner.types import PlannerError
from torchrec.distributed.planner.utils import reset_shard_rank

import shardplan.torchrec.solving as module
from shardplan.plan.verify import verify
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import ENDLESS
from shardplan.torchrec import Planner
from shardplan.torchrec.proposals import their_planner
from shardplan.torchrec.proposals.best_proposal import best_proposal
from shardplan.torchrec.proposals.search_space import SearchSpace

pytestmark = pytest.mark.filterwarnings("ignore")
ROUNDED = 1e-9


def space_of(job: DrawnJob) -> tuple[SearchSpace, Any]:
    """With what the reservation leaves."""
    enumerator = EmbeddingEnumerator(job.topology(), job.batch_size, job.constraints)
    options = enumerator.enumerate(job.model, job.sharders)
    left = job.arguments()["storage_reservation"].reserve(
        topology=job.topology(),
        batch_size=job.batch_size,
        module=job.model,
        sharders=job.sharders,
        constraints=job.constraints,
    )
    return SearchSpace.of(options), left


def rated_by_torchrec(job: DrawnJob) -> tuple[float, int]:
    """Milliseconds of the plan of TorchRec's planner, and how many proposals it placed."""
    planner = EmbeddingShardingPlanner(**job.arguments())
    planner.plan(job.model, job.sharders)
    rating = NoopPerfModel(topology=job.topology()).rate(plan=planner._best_plan)  # noqa: SLF001
    return rating, planner._num_proposals  # noqa: SLF001


@pytest.mark.parametrize(("seed", "tables"), [(0, 2), (1, 5), (2, 8), (3, 3), (4, 5)])
def test_the_best_proposal_is_the_plan_of_torchrecs_planner(seed: int, tables: int) -> None:
    """Of few tables it tries all combinations; most are not placed here."""
    job = DrawnJob.of(seed, tables)
    rating, tried = rated_by_torchrec(job)
    space, left = space_of(job)
    found = best_proposal(space, left, float("inf"), ENDLESS)
    assert found.milliseconds == pytest.approx(rating, rel=ROUNDED)
    assert len(found.tables) == space.table_count
    assert found.placed < tried / 2
    assert best_proposal(space, left, rating, ENDLESS).tables == ()


def test_no_placement_takes_less_than_what_is_known_before() -> None:
    """Of options drawn at random."""
    space, left = space_of(DrawnJob.of(5, 6))
    draw, placed = random.Random(0), 0
    for _ in range(50):
        proposal = np.array([draw.randrange(len(options)) for options in space.options])
        options = space.chosen(proposal)
        try:
            GreedyPerfPartitioner().partition(options, left)
        except PlannerError:
            continue
        placed += 1
        rating = NoopPerfModel(left).rate(options)
        assert space.least_milliseconds(proposal, left.world_size) <= rating * (1 + ROUNDED)
        assert space.may_fit(proposal, left)
        reset_shard_rank(options)
    assert placed > 10


def planned_badly(monkeypatch: pytest.MonkeyPatch, job: DrawnJob) -> Planner:
    """By a search that ends with whole tables balanced by their bytes."""

    def badly(case: Any, settings: Any, *more: Any) -> Any:
        return make_plan(case, replace(settings, method="greedy-size"), *more)

    monkeypatch.setattr(module, "make_plan", badly)
    planner = Planner(**job.arguments())
    planner.plan(job.model, job.sharders)
    return planner


ROOMY = 100 * 2**30


def test_a_faster_plan_of_torchrecs_planner_is_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = replace(DrawnJob.of(1, 5), hbm_bytes=ROOMY)
    rating, _ = rated_by_torchrec(job)
    with caplog.at_level(logging.INFO, "shardplan.torchrec"):
        made = planned_badly(monkeypatch, job).made
    assert made.optimality.objective_seconds == pytest.approx(rating / 1e3, rel=1e-8)
    assert made.solver.method == "greedy-size: TorchRec's proposals"
    assert "the former is taken" in caplog.text
    assert verify(made) == ()


def test_a_job_too_large_to_be_planned_twice_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(their_planner, "PLACES_PER_SECOND", 1)
    job = replace(DrawnJob.of(1, 5), hbm_bytes=ROOMY)
    with caplog.at_level(logging.INFO, "shardplan.torchrec"):
        made = planned_badly(monkeypatch, job).made
    assert "not held against TorchRec's planner: its estimator takes some 32 s for" in caplog.text
    assert "TorchRec" not in made.solver.method


def test_a_large_job_is_held_against_torchrecs_planner_where_the_search_leaves_the_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """More than there is time for beside a search that takes all of its share."""
    job = replace(DrawnJob.of(1, 5), hbm_bytes=ROOMY)
    monkeypatch.setattr(their_planner, "PLACES_PER_SECOND", job.world_size)
    with caplog.at_level(logging.INFO, "shardplan.torchrec"):
        planned_badly(monkeypatch, job)
    assert "the former is taken" in caplog.text


def test_a_plan_that_no_proposal_beats_is_kept(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there was no time to look at all of them."""
    monkeypatch.setattr(their_planner, "_PROVEN", -1.0)
    job = DrawnJob.of(2, 5)
    with caplog.at_level(logging.INFO, "shardplan.torchrec"):
        planner = Planner(**job.arguments(), timeout_seconds=3)
        planner.plan(job.model, job.sharders)
    assert "no plan that TorchRec's planner would try is faster" in caplog.text
    assert "TorchRec" not in planner.made.solver.method


def test_the_page_says_how_large_jobs_may_be() -> None:
    page = Path(__file__).parents[2] / "docs" / "from-torchrec.md"
    each = their_planner.PLACES_PER_SECOND
    text = " ".join(page.read_text().split())
    assert f"more than {3 * each:,} tables times ranks (300 for each second" in text
    assert f"a second for some {each:,} of them" in text
