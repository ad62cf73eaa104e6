"""Features with batches of their own size: what distinct requests cost."""

from __future__ import annotations

import numpy as np
import pytest
from analytic_cases import memory, model, options, table

from shardplan.cost.analytic.setting import Setting
from shardplan.workload.access import Zipf
from shardplan.workload.dtype import Dtype
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.row_order import RowOrder
from shardplan.workload.training import Training

WAYS = [
    (0, "table_wise", "fused", 1), (0, "column_wise", "fused", 4), (0, "row_wise", "fused", 1),
    (0, "table_row_wise", "fused", 1), (0, "grid_shard", "fused_uvm", 2),
    (0, "row_wise", "fused_uvm_caching", 1, 0.25, 0.0), (0, "data_parallel", "dense", 1),
]  # fmt: skip
SAMPLES, WORLD = 8_192, 8


@pytest.mark.parametrize("share", [0.125, 4])
@pytest.mark.parametrize("ids", RowOrder)
def test_a_table_costs_what_it_would_for_its_own_batch_alone(ids, share):
    """An eighth of 65,536 samples, four poolings of 2,048, and all of 8,192: seconds and bytes."""
    known = {"access": Zipf(1.1), "ids": ids}
    shared = model(table(share=share, **known), batch=round(SAMPLES / share))
    alone = model(table(**known), batch=SAMPLES)
    ours, theirs = shared.unit_costs(options(*WAYS)), alone.unit_costs(options(*WAYS))
    assert ours.load_seconds == pytest.approx(theirs.load_seconds, rel=1e-12)
    assert ours.memory_bytes == pytest.approx(theirs.memory_bytes, rel=1e-12)
    blocks = [each.block_costs(options(*WAYS)).load_seconds for each in (shared, alone)]
    assert blocks[0] == pytest.approx(blocks[1], rel=1e-12)


def test_ids_and_outputs_are_those_of_the_own_batches():
    """``sum(p_i * b_i)`` ids and ``sum(b_i)`` outputs of two features with 5 ids each."""
    shares = model(table(features=2, share=0.25), batch=SAMPLES).shares(options(WAYS[0]))
    assert shares.ids.tolist() == [SAMPLES * (5 * 0.25 + 5)]
    assert shares.bags.tolist() == [SAMPLES * 1.25]
    assert shares.features.tolist() == [2]


def test_all_features_of_a_module_are_expanded_on_every_device():
    """Read and written once in fp32, and as often backward; none of another module."""
    tables = (table("a", share=0.1), table("b", dim=32), table("c", module="other"))
    costs = model(*tables, batch=SAMPLES)
    seconds = Setting(costs.workload, costs.topology, costs.profile).expanding_seconds
    moved = 2 * SAMPLES / WORLD * (64 + 32) * 4
    assert seconds == pytest.approx(moved / costs.profile.dense_update_bytes_per_second, rel=1e-12)
    alone = model(table("a", rows=100, share=0.1), table("b", dim=32), batch=SAMPLES)
    for found in (costs, alone):
        constants = {phase.name: phase.constant_seconds for phase in found.phases}
        assert constants["output_comm"] >= seconds
        assert constants["gradient_comm"] >= seconds


def test_all_features_of_a_module_are_expanded_to_the_most_that_one_has():
    """Three poolings of each sample of one, and so three outputs of the other too."""
    tables = (table("a", share=3), table("b", dim=32))
    costs = model(*tables, batch=SAMPLES)
    seconds = Setting(costs.workload, costs.topology, costs.profile).expanding_seconds
    moved = 2 * SAMPLES / WORLD * 3 * (64 + 32) * 4
    assert seconds == pytest.approx(moved / costs.profile.dense_update_bytes_per_second, rel=1e-12)


def test_whole_batches_are_not_expanded():
    costs = model(table("a"), table("b", dim=32), batch=SAMPLES)
    assert Setting(costs.workload, costs.topology, costs.profile).expanding_seconds == 0


def test_devices_keep_expanded_outputs_and_which_is_whose():
    """1,024 samples of a device; of one module a feature with a tenth of them, and one with all."""
    training = Training(comm_forward=Dtype.FP16, pipeline=Pipeline.NONE)
    tables = table("a", share=0.1), table("b", dim=32)
    found = model(*tables, batch=SAMPLES, training=training).base_memory_bytes
    samples = SAMPLES // WORLD
    bags = 103 + samples  # 102.4 and 1,024
    ids = (samples + 10 * samples + bags + 2 * samples) * 8
    pooled = (np.ceil(102.4 * 64) + samples * 32) * (8 + 2)
    expanded = samples * (64 + 32) * 8
    assert found.tolist() == [ids + pooled + expanded, 0, 0]


def test_a_lone_sample_of_a_request_takes_a_whole_output():
    """A tenth of sixteen samples: 1.6 of them, rounded up."""
    costs = model(table(share=0.1), batch=16, training=Training(pipeline=Pipeline.NONE))
    rows = 100_000 * (64 * 4 + 4)
    assert memory(costs, "table_wise") == [rows + (16 + 2) * 8 + 2 * 64 * 2 * 4, 0, 0]
