"""The bound of small sets of dynamic tables against all plans that there are of them."""

from __future__ import annotations

from math import floor

import numpy as np
import pytest
from dynamic_case import job, table

from shardplan import Settings, plan, verify
from shardplan.options.dynamic_shares import PooledShares
from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

FINE = Settings(gap=1e-4, time_limit_seconds=20)
BUCKET = 1024
PARTLY = (Kernel.DYNAMIC_CACHING, Kernel.DYNAMIC_HYBRID)
DEVICES = 2


def drawn(seed):
    """One to three tables of a container, of a few buckets on each of two devices."""
    draw = np.random.default_rng(seed)
    count = int(draw.integers(1, 4))
    evict = draw.choice(["lru", "lfu", "none"])
    skews = ["uniform", {"zipf": 0.8}, {"zipf": 1.2}]
    tables = [
        table(
            f"t{index}",
            int(draw.integers(1, 10 // count * BUCKET * DEVICES)),
            {"evict": str(evict)},
            access=skews[draw.integers(3)],
            pooling=int(draw.choice([1, 20, 300])),
            dim=int(draw.choice([16, 128])),
        )
        for index in range(count)
    ]
    optimizer = str(draw.choice(["sgd", "adam"]))
    shares = draw.random(2)
    return tables, optimizer, shares


def every_way(case):
    """(step, bytes of HBM of a device, bytes of DDR of the node) of each plan of the container."""
    (container,) = PooledShares.of(case.workload, case.topology.world).containers
    rows = [layout.rows for layout in container.layouts]
    ends = {k * BUCKET / each for each in rows for k in range(1, -(-each // BUCKET))}
    ends.add(max(1 - 1 / each for each in rows))
    ways = [(Kernel.DYNAMIC_HBM, None), (Kernel.DYNAMIC_HOST, None)]
    ways += [(kernel, share) for kernel in PARTLY for share in sorted(ends) if share < 1]
    for kernel, share in ways:
        shares = container.shares_of(kernel, share) if share is not None else None
        decisions = [
            Decision(
                index,
                ShardingType.ROW_WISE,
                kernel,
                load_factor=shares[index][0] if shares else None,
                ddr_load_factor=shares[index][1] if shares else 0.0,
            )
            for index in container.tables
        ]
        found = predict(case, decisions)
        memory = found.rank_memory_bytes
        yield found.step_seconds, memory[:, 0].max(), memory[:, 1].sum()


def check(seed):
    """No plan that fits is below the bound, and the plan found is next to the best."""
    tables, optimizer, (of_hbm, of_ddr) = drawn(seed)
    ample = job(*tables, optimizer=optimizer, nodes=1, devices=DEVICES)
    ways = np.array([*every_way(ample)])
    low, high = ways[:, 1].min(), ways[:, 1].max()
    hbm = floor(low + of_hbm * (high - low)) + 1
    within = ways[ways[:, 1] <= hbm]
    low, high = within[:, 2].min(), within[:, 2].max()
    ddr = max(1, floor(low + min(1, 2 * of_ddr) * (high - low)) + 1)
    case = job(*tables, optimizer=optimizer, nodes=1, devices=DEVICES, hbm=f"{hbm}B", ddr=f"{ddr}B")
    best = within[within[:, 2] <= ddr][:, 0].min()
    found = plan(case, FINE)
    assert verify(found) == ()
    assert found.optimality.lower_bound_seconds <= best * (1 + 1e-8), seed
    assert found.prediction.step_seconds <= best * (1 + 1e-3), seed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_no_plan_of_a_small_set_is_below_the_bound(seed):
    """All shares at which HBM holds another bucket of any table, in all modes; DDR is scarce in
    half of the sets."""
    check(seed)
