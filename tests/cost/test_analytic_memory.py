"""Bytes of shards and buffers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from analytic_cases import memory, model, shard_bytes, table

from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import Training


def test_row_shards_hold_ceil_divided_rows():
    """1,001 rows over 8 devices: 126 rows each, of 64 columns and 4 bytes of state."""
    costs = model(table(rows=1_001), batch=64)
    buffers = 2 * 8 * (64 * 10 // 8 + 64) + 2 * 64 * 64 * 4
    assert memory(costs, "row_wise") == [126 * (64 * 4 + 4) + buffers, 0, 0]


@pytest.mark.parametrize(
    ("optimizer", "state"),
    [
        (Optimizer.SGD, 0),
        (Optimizer.ADAGRAD, 64 * 4),
        (Optimizer.ROWWISE_ADAGRAD, 4),
        (Optimizer.ADAM, 64 * 8),
    ],
)
def test_optimizer_state_is_fp32_whatever_the_weights_are(optimizer, state):
    costs = model(table(dtype=Dtype.FP16), training=Training(optimizer=optimizer))
    assert shard_bytes(costs, 1_000, 64, "fused") == (1_000 * (64 * 2 + state), 0, 0)
    in_hbm, in_ddr = (4, 0) if optimizer is Optimizer.ROWWISE_ADAGRAD else (0, state)
    expected = (1_000 * in_hbm, 1_000 * (64 * 2 + in_ddr), 0)
    assert shard_bytes(costs, 1_000, 64, "fused_uvm") == expected


def test_row_wise_adagrad_keeps_one_number_per_row_of_each_column_shard():
    costs = model(table(dim=64))
    whole, part = (shard_bytes(costs, 1_000, columns, "fused")[0] for columns in (64, 16))
    assert 4 * part - whole == 3 * 1_000 * 4


def test_host_memory_holds_weights_and_state_but_no_buffers():
    costs = model(table(), training=Training(optimizer=Optimizer.ADAM))
    in_hbm, in_ddr = (memory(costs, "table_wise", kernel) for kernel in ("fused", "fused_uvm"))
    assert in_ddr[1] == 100_000 * (64 * 4 + 64 * 8)
    assert in_ddr[0] == in_hbm[0] - in_ddr[1]


def test_batches_in_flight_keep_their_ids():
    """One more batch of 8,192 samples: 10 ids and a length each, 8 bytes apiece."""
    held = [
        memory(model(table(), training=Training(pipeline=pipeline)), "table_wise")[0]
        for pipeline in (Pipeline.NONE, Pipeline.SPARSE_DIST, Pipeline.PREFETCH_SPARSE_DIST)
    ]
    assert np.diff(held).tolist() == [8_192 * 11 * 8] * 2


def test_every_device_keeps_the_outputs_of_its_own_samples():
    """1,025 of 8,193 samples on each of 8 devices; 3 outputs of 64 and one of 32, twice in fp32.

    Each sample has 20 ids and 4 lengths, of two batches in flight.
    """
    training = Training(dense_memory_bytes=5_000)
    tables = [table("a", features=3), table("b", dim=32)]
    found = model(*tables, batch=8_193, training=training).base_memory_bytes
    ids = 1_025 * (20 + 4) * 8 * 2
    assert found.tolist() == [5_000 + ids + 2 * 1_025 * (3 * 64 + 32) * 4, 0, 0]


def test_outputs_are_copied_into_the_format_on_the_wire():
    """Two bytes more per element, of outputs as of gradients, where they do not travel in fp32."""
    half = Training(comm_forward=Dtype.FP16, comm_backward=Dtype.BF16)
    plain, copied = (model(table(), training=training) for training in (Training(), half))
    for kind, samples in (("table_wise", 8_192), ("row_wise", 8_192), ("data_parallel", 0)):
        more = memory(copied, kind)[0] - memory(plain, kind)[0]
        assert more == samples * 64 * (2 + 2)
    base = copied.base_memory_bytes - plain.base_memory_bytes
    assert base.tolist() == [1_024 * 64 * (2 + 2), 0, 0]


def test_a_copy_ahead_keeps_the_ids_of_a_devices_own_samples():
    """1,024 samples with 10 ids and a length each; what is received is of one batch alone."""
    plain, lite = (
        model(table(), training=Training(pipeline=pipeline))
        for pipeline in (Pipeline.NONE, Pipeline.SPARSE_DIST_LITE)
    )
    assert memory(lite, "table_wise") == memory(plain, "table_wise")
    more = lite.base_memory_bytes - plain.base_memory_bytes
    assert more.tolist() == [1_024 * 11 * 8, 0, 0]
