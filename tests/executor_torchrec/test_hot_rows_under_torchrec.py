"""TorchRec has no tables of which some rows lie on all ranks: plans with such are refused."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from executor_plans import plan_of
from random_specs import TOPOLOGY, build

from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

pytestmark = [
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


def test_the_table_is_named_and_what_trains_it_instead():
    import torch

    from shardplan.executor.torchrec.request import ShardRequest
    from shardplan.executor.torchrec.training import training_faults

    case = build(
        {
            "batch": {"local": 64},
            "topology": TOPOLOGY,
            "training": {"optimizer": "sgd", "hot_rows": True},
            "tables": [{"name": "t", "rows": 500, "dim": 8, "hot_ids": 20}],
        }
    )
    kept = Decision(0, ShardingType.HOT_ROW_WISE, Kernel.FUSED, replicated_rows=20)
    request = ShardRequest(plan_of(case, [kept]), torch.device("cpu"), 0.1)
    (fault,) = training_faults(request)
    assert fault.path == "plan.sparse.ebc.t"
    assert "hot_row_wise: TorchRec keeps no rows of a table on all ranks" in fault.message
    assert "native engine" in fault.hint
