"""A rank that dies or stalls: every other rank says so within the timeout."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")

from rank_group import RankGroup
from test_parity import table
from training_case import TrainingCase, mesh_of, sharded, trained

from shardplan.errors import RankLost
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_SECONDS = 8


@pytest.fixture
def short_tempered() -> Iterator[RankGroup]:
    """Three ranks of their own, since some will not survive."""
    group = RankGroup(3, timeout_seconds=TIMEOUT_SECONDS)
    yield group
    group.close()


def lose(case: TrainingCase, how: str) -> tuple[str, float]:
    """Train; rank 1 leaves in the third step. The others answer with the error and its time."""
    collection = sharded(case, mesh_of(3, TIMEOUT_SECONDS))
    trained(replace(case, steps=2), collection)
    if collection.mesh.rank == 1:
        if how == "dies":
            os._exit(9)
        time.sleep(2 * TIMEOUT_SECONDS)
        return "", 0.0
    started = time.monotonic()
    try:
        trained(case, collection)
    except RankLost as error:
        return str(error), time.monotonic() - started
    raise AssertionError("trained on with a rank missing")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["dies", "stalls"])
def test_every_other_rank_raises_within_the_timeout(how: str, short_tempered: RankGroup) -> None:
    tables = (table("row_wise", 3, 3), table("table_wise", 3, 3, name="u"))
    case = TrainingCase(tables, 3, 3, OptimizerSettings(Optimizer.SGD))
    answers: list[Any] = short_tempered.run_on([0, 2], lose, case, how)
    for rank, (message, seconds) in zip([0, 2], answers, strict=True):
        assert f"rank {rank} lost touch with another rank in the exchange of" in message
        assert seconds < 2 * TIMEOUT_SECONDS
