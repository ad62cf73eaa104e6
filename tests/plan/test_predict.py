from dataclasses import replace

import numpy as np
import pytest
from plan_cases import ONE_OF_EACH, PlainCosts, make_case

from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.pipeline.pipeline import Pipeline


def _tables(n: int) -> tuple[Decision, ...]:
    return tuple(Decision(i, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (i,)) for i in range(n))


def test_each_phase_takes_as_long_as_its_slowest_rank(case):
    """Two tables on ranks 0 and 1: 64 x 1000 is slowest in every phase but that of the ids."""
    found = predict(make_case(dims=(64, 32)), _tables(2))
    np.testing.assert_allclose(found.rank_seconds[0], [0.5 + 0.1, 0.25 + 6.4, 0.64])
    np.testing.assert_allclose(found.rank_seconds[1], [0.5 + 0.1001, 0.25 + 3.2, 0.32032])
    np.testing.assert_allclose(found.rank_seconds[2:], [[0.5, 0.25, 0], [0.5, 0.25, 0]])
    np.testing.assert_allclose(found.phase_seconds, [0.6001, 6.65, 0.64])


@pytest.mark.parametrize(
    ("pipeline", "step", "balance"),
    [
        (Pipeline.SPARSE_DIST, 1.5 + 6.65 + 0.64, 1.5 + 6.65 + 0.64),
        (Pipeline.NONE, 1.5 + 6.65 + 0.64 + 0.6001, 1.5 + 6.65 + 0.64 + 0.6),
    ],
)
def test_overlapped_phases_count_only_without_a_pipeline(pipeline, step, balance):
    found = predict(make_case(dims=(64, 32), pipeline=pipeline), _tables(2))
    assert found.step_seconds == pytest.approx(step, rel=1e-12)
    assert found.balance_seconds == pytest.approx(balance, rel=1e-12)


def test_a_step_is_as_long_as_what_hides_behind_the_batch_before_when_that_is_longer():
    found = predict(make_case(dims=(4,), rows=10**6), _tables(1))
    assert found.step_seconds == pytest.approx(0.5 + 100)
    assert found.balance_seconds == pytest.approx(1.5 + 0.25 + 0.4 + 40)


def test_a_rank_waits_for_what_the_others_of_its_node_use_of_shared_memory():
    """Lookups of 6.4, of two column shards of 1.6, and of 3.2 in HBM, which nobody waits for.

    Ranks 0 and 1 are a node, 2 and 3 another. Half of each lookup in DDR is the neighbour's wait.
    """
    case = make_case(dims=(64, 32, 32))
    case = replace(case, cost_model=PlainCosts(case.workload.tables, spill_share=0.5))
    decisions = (
        Decision(0, ShardingType.TABLE_WISE, Kernel.FUSED_UVM, 1, (0,)),
        Decision(1, ShardingType.COLUMN_WISE, Kernel.FUSED_UVM, 2, (0, 1)),
        Decision(2, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (3,)),
    )
    lookup = predict(case, decisions).rank_seconds[:, 1] - 0.25
    np.testing.assert_allclose(lookup, [6.4 + 1.6 + 0.8, 1.6 + 3.2 + 0.8, 0.0, 3.2], atol=1e-12)


def test_every_sharding_type_lands_on_its_ranks(case):
    """A loop over every unit, written out by hand, gives the same bytes."""
    found = predict(case, ONE_OF_EACH)
    hbm, ddr = np.full(4, 1000.0), np.full(4, 100.0)
    hbm[3] += 1000 * 64 * 4
    hbm += 1001 * 32 * 4
    hbm[[0, 2]] += 1002 * 16 * 4
    hbm[1] += 2 * 1002 * 16 * 4
    ddr += 1003 * 64 * 4
    hbm[2:] += 1004 * 64 * 4
    hbm += 1005 * 32 * 4
    hbm[:2] += 1006 * 4 * 4
    np.testing.assert_allclose(found.rank_memory_bytes, np.column_stack([hbm, ddr, np.zeros(4)]))
    np.testing.assert_allclose(found.node_memory_bytes[:, 1], [ddr[:2].sum(), ddr[2:].sum()])
    np.testing.assert_allclose(found.node_memory_bytes[:, 0], [hbm[:2].sum(), hbm[2:].sum()])
