"""The benchmark's training steps: how they are timed, and what the processes bring back."""

from __future__ import annotations

import numpy as np
import pytest


def test_a_step_is_the_sum_of_its_phases_each_as_long_as_its_slowest_rank() -> None:
    """Two ranks, two rounds, one placement, two phases; disturbed once on either rank."""
    from trained_steps import Steps

    rounds = np.array(
        [
            [[[1.0, 9.0]], [[8.0, 2.0]]],
            [[[3.0, 1.0]], [[4.0, 1.5]]],
        ]
    )
    steps = Steps(rounds, np.zeros(1), np.zeros(1), {})
    assert steps.measured() == pytest.approx([3.0 + 2.0])
    assert steps.measured(slice(0, None, 2)) == pytest.approx([3.0 + 9.0])
    assert steps.measured(slice(1, None, 2)) == pytest.approx([8.0 + 2.0])


def test_placements_reach_from_balanced_to_all_on_one_rank() -> None:
    """Among the thirty that the benchmark trains, and all of them differ."""
    from placements import placements, workload

    from shardplan.sharding.kind import ShardingType

    tables = len(workload(0).tables)
    found = placements(30, tables, ranks=2, seed=0)
    assert len(set(found)) == 30
    assert {place.sharding_type for each in found for place in each} == {
        ShardingType.TABLE_WISE,
        ShardingType.COLUMN_WISE,
        ShardingType.ROW_WISE,
    }
    whole = [
        [place.rank for place in each if place.sharding_type is ShardingType.TABLE_WISE]
        for each in found
    ]
    assert any(len(set(ranks)) == 1 and len(ranks) == tables for ranks in whole)
    assert any(sum(ranks) * 2 == len(ranks) > 0 for ranks in whole)


@pytest.mark.slow
def test_processes_time_every_phase_of_every_placement() -> None:
    pytest.importorskip("torch")
    from placements import placements, workload
    from sharded_step import PHASES
    from trained_steps import measured_rounds

    model = workload(0)
    chosen = placements(3, len(model.tables), ranks=2, seed=0)
    ranks, rounds, count, phases = measured_rounds(model, chosen, 2, budget_seconds=0.0).shape
    assert (ranks, count, phases) == (2, 3, len(PHASES))
    assert rounds >= 4
