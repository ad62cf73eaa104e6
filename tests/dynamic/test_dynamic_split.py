"""Which rows of split tables HBM lacks, against a table that grows row by row."""

from __future__ import annotations

import numpy as np
import pytest
from dynamic_case import job, table

from shardplan.plan.decision import Decision, options_of
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

ROWS, IDS, BATCHES = 40_960, 4096, 250
BUCKET = 1024
NOWHERE, IN_HBM, ON_HOST = 0, 1, 2


def grown_lacks(exponent, buckets):
    """Distinct rows that a batch reads and HBM lacks, of a hash table that began empty.

    New rows go into HBM; in a full bucket the row not read for longest leaves for the host, where
    it stays. The mean of the last fifth of the batches.
    """
    draw = np.random.default_rng(5)
    hot = np.arange(1, ROWS + 1) ** -float(exponent)
    drawn = np.cumsum(hot / hot.sum())
    bucket_of = draw.integers(buckets, size=ROWS)
    where, slot = np.zeros(ROWS, dtype=int), np.zeros(ROWS, dtype=int)
    held = np.full((buckets, BUCKET), -1)
    read_at = np.full((buckets, BUCKET), -1)
    lacks = []
    for batch in range(BATCHES):
        read = np.unique(np.minimum(np.searchsorted(drawn, draw.random(IDS)), ROWS - 1))
        there = read[where[read] == IN_HBM]
        read_at[bucket_of[there], slot[there]] = batch
        lacks.append(len(read) - len(there))
        for row in read[where[read] == NOWHERE]:
            bucket = bucket_of[row]
            oldest = int(read_at[bucket].argmin())
            leaves = held[bucket, oldest]
            if leaves >= 0:
                where[leaves] = ON_HOST
            held[bucket, oldest], read_at[bucket, oldest] = row, batch
            where[row], slot[row] = IN_HBM, oldest
    return np.mean(lacks[-BATCHES // 5 :])


def predicted_lacks(exponent, share):
    """The same of the planner's, and the distinct rows of a batch."""
    grows = table("t", ROWS, "hybrid", access={"zipf": exponent})
    case = job(grows, nodes=1, devices=1, batch={"local": IDS})
    way = Decision(0, ShardingType.ROW_WISE, Kernel.DYNAMIC_HYBRID, load_factor=share)
    shares = case.cost_model.units(options_of([way])).shares
    return float(shares.missed_rows[0]), float(shares.unique_rows[0])


@pytest.mark.parametrize("exponent", [0.8, 1.05])
@pytest.mark.parametrize("buckets", [4, 10, 20])
def test_hbm_lacks_what_it_lacks_of_a_table_that_has_grown(exponent, buckets):
    """As many or up to a third more; and never as many as if rows lay in HBM by chance."""
    share = buckets * BUCKET / ROWS
    predicted, distinct = predicted_lacks(exponent, share)
    real = grown_lacks(exponent, buckets)
    assert 0.95 < real / predicted < 4 / 3
    assert real < (1 - share) * distinct


def test_hbm_has_its_share_of_rows_that_are_read_alike():
    predicted, distinct = predicted_lacks(1e-6, 0.25)
    assert predicted == pytest.approx(0.75 * distinct, rel=0.02)
