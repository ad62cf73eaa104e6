"""Public jobs whose collections do not pool, against what was measured of them.

Figures: AMD-AGI/Primus-DLRM 4760519 (doc/perf_analysis.md), meta-recsys/generative-recommenders
db1bf8f.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shardplan import explain, load, plan, verify
from shardplan.build_case import build_case
from shardplan.plan.decision import Decision
from shardplan.plan.ledger import Ledger
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.settings import Settings
from shardplan.spec.load import spec_from_value

EXAMPLES = Path(__file__).parents[1] / "examples"


def onetrans(**changes):
    case = load(EXAMPLES / "onetrans.yaml")
    return build_case(spec_from_value({**case.spec.resolved(), **changes}, "onetrans"))


def row_wise(case):
    """All tables cut by rows, whatever the planner thinks of it."""
    ranks = tuple(range(case.topology.world_size))
    return [
        Decision(index, ShardingType.ROW_WISE, Kernel.FUSED, 1, ranks)
        for index in range(len(case.workload.tables))
    ]


def looked_up(case, decisions):
    """(W,): ids that each rank looks up."""
    return Ledger.of(decisions, case.cost_model, case.topology.world).rank_traffic[:, 0]


def test_onetrans_sends_most_ids_to_the_first_rank():
    case = onetrans()
    received = looked_up(case, row_wise(case))
    assert received.sum() / 8 == pytest.approx(4_612_096, rel=1e-6)
    assert received[0] == pytest.approx(25.9e6, rel=0.002)


@pytest.mark.parametrize(("topology", "measured_ms"), [("dgx-b200", 8.38), ("mi355x", 14.83)])
def test_the_row_wise_exchange_of_onetrans_takes_what_was_measured(topology, measured_ms):
    """Also with the pass over what the collective brings, which was not measured with it."""
    case = onetrans(topology=topology)
    prediction = predict(case, row_wise(case))
    named = [phase.name for phase in prediction.phases]
    taken = prediction.rank_seconds[0, named.index("output_comm")]
    assert taken * 1e3 == pytest.approx(measured_ms, rel=0.25)


def test_the_best_plan_of_onetrans_has_no_large_sender():
    case = onetrans()
    found = plan(case, Settings(gap=0.25, time_limit_seconds=60.0))
    assert verify(found, case) == ()
    sent = np.zeros(8)
    for table in case.workload.tables:
        entry = found.plan[table.module][table.name]
        ids = table.pooling * case.workload.global_batch
        if entry.sharding_type is ShardingType.ROW_WISE:
            sent += looked_up(case, row_wise(case)) / len(case.workload.tables) * table.dim * 4
        for rank, shard in zip(entry.ranks, entry.shards, strict=False):
            if entry.sharding_type in (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE):
                sent[rank] += ids * shard.shard_sizes[1] * 4
    assert sent.max() <= 1.5e9


def test_the_report_on_onetrans_names_the_padded_id():
    rows = [{"tables": "*", "sharding": "row_wise"}]
    found = plan(onetrans(constraints=rows), Settings("greedy"))
    text = "; ".join(explain(found).notes)
    assert "70.1% of the ids of emb.ec fall on the first of 8 blocks of rows" in text
    assert "65.9% on padding: id 0 of item, artist, album" in text


def test_by_frequency_the_report_asks_whether_an_id_is_padding():
    value = onetrans().spec.resolved()
    tables = [
        {**table, "ids": "by_frequency", "access": {"zipf": 1.2}} for table in value["tables"]
    ]
    for table in tables:
        table.pop("padding", None)
    demand = [{"tables": "*", "sharding": "row_wise"}]
    case = onetrans(tables=tables, constraints=demand)
    notes = explain(plan(case, Settings("greedy"))).notes
    assert any("is one of them padding?" in note for note in notes)


def test_dlrm_v3_is_solved_in_what_its_job_has():
    case = load(EXAMPLES / "dlrm_v3.yaml")
    assert case.capacity.usable_bytes[0] == pytest.approx(160 * 2**30, rel=1e-3)
    assert case.capacity.usable_bytes[1] == pytest.approx(8 * 32 * 2**30, rel=1e-3)
    found = plan(case, Settings(gap=0.05, time_limit_seconds=60.0))
    assert verify(found, case) == ()
    item = found.plan["_embedding_collection"]["item_id"]
    assert item.sharding_type in (ShardingType.ROW_WISE, ShardingType.COLUMN_WISE)
    most = 64 * (2 * (16_384 + 32) + 1)
    assert case.cost_model.base_memory_bytes[0] >= most * 512 * 4 * 3
    held = [rank.memory_bytes.hbm for rank in found.prediction.ranks]
    rows = 1_010_000_000 / 8 * (512 * 2 + 4)
    assert min(held) >= rows + most * 512 * 4 * 3


@pytest.mark.parametrize("sharding", ["table_wise", "row_wise"])
def test_torchrec_s_own_ruler_counts_ids_in_place_of_samples(sharding):
    """As its planner does where a module's ``module_pooled`` is false: of 12 ids 12 outputs."""
    seconds = {}
    for kind in ("bag", "sequence"):
        case = build_case(
            spec_from_value(
                {
                    "name": "one",
                    "batch": {"local": 512},
                    "topology": "dgx-h100",
                    "cost_model": "torchrec",
                    "modules": {"ec": {"kind": kind}},
                    "defaults": {"dim": 64, "pooling": 12, "module": "ec"},
                    "tables": [{"name": "t", "rows": 80_000}],
                    "constraints": [{"tables": "t", "sharding": sharding}],
                },
                "one",
            )
        )
        phases = plan(case, Settings("greedy")).prediction.phases
        seconds[kind] = phases["output_comm"]
    shards = 8 if sharding == "row_wise" else 1
    assert seconds["sequence"] == pytest.approx(seconds["bag"] * 12 / shards)
