"""The bytes of TorchRec's estimator against golden numbers printed by TorchRec 1.9.2."""

from math import ceil

import numpy as np
import pytest
from torchrec_cases import LOAD_FACTOR, shipped_constants

from shardplan.cost.torchrec.shards import ShardArrays
from shardplan.cost.torchrec.storage import (
    buffer_bytes,
    optimizer_state_per_weight,
    weight_bytes,
)
from shardplan.cost.torchrec.tables import TableArrays
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import World
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline

EIGHT = World(8, 4)
TABLES = [(100, 20, [1]), (110, 40, [1, 3, 5]), (120, 60, [8, 2]), (130, 80, [2, 1, 3, 7])]
"""Rows, columns and poolings; a device's batch is 256."""
DDR_LOAD_FACTOR = 0.3


@pytest.fixture(scope="module")
def memory():
    return shipped_constants().memory


def shard_of(table, sharding_type, rows=None, columns=None, batch=256, pooled=True):
    """The table, and a shard of it; both as arrays of length 1."""
    table_rows, table_columns, poolings = table
    ids = np.array([float(sum(poolings) * batch)])
    outputs = np.array([float(sum(min(1, p) for p in poolings) * batch)]) if pooled else ids
    four = np.array([4.0])
    whole = TableArrays(
        np.array([float(table_rows)]),
        np.array([float(table_columns)]),
        four,
        ids,
        outputs,
        0 * ids,
        np.array([float(pooled)]),
    )
    shard = ShardArrays(
        sharding=np.array([SHARDING_TYPES.index(sharding_type)], np.int8),
        rows=np.array([float(table_rows if rows is None else rows)]),
        columns=np.array([float(columns or table_columns)]),
        ids=ids,
        outputs=outputs,
        element_bytes=four,
        is_weighted=np.array([False]),
        is_pooled=np.array([pooled]),
    )
    return whole, shard


def weights(memory, whole, shard, kernel=Kernel.FUSED, optimizer=Optimizer.SGD):
    code = np.array([KERNELS.index(kernel)], np.int8)
    state = optimizer_state_per_weight(optimizer, whole.columns)
    shares = np.array([LOAD_FACTOR]), np.array([DDR_LOAD_FACTOR])
    return weight_bytes(shard, whole, code, *shares, state, memory)[0]


def buffers(memory, shard, kernel=Kernel.FUSED, pipeline=Pipeline.NONE, ranks=EIGHT):
    code = np.array([KERNELS.index(kernel)], np.int8)
    return buffer_bytes(shard, ranks, code, pipeline, memory)[0]


def stored(memory, table, sharding_type, kernel=Kernel.FUSED, ranks=EIGHT, **shard):
    """HBM, DDR and SSD of a shard, its buffers included."""
    whole, cut = shard_of(table, sharding_type, **shard)
    total = weights(memory, whole, cut, kernel)
    total[0] += buffers(memory, cut, kernel, ranks=ranks)
    return total.tolist()


@pytest.mark.parametrize(
    ("table", "hbm"), list(zip(TABLES, [166928, 1003712, 1007120, 2653504], strict=True))
)
def test_row_wise_takes_what_torchrec_says(memory, table, hbm):
    rows = ceil(table[0] / 8)
    assert stored(memory, table, ShardingType.ROW_WISE, rows=rows) == [hbm, 0, 0]


@pytest.mark.parametrize(
    ("table", "hbm"), list(zip(TABLES, [169936, 1024384, 1031200, 2685248], strict=True))
)
def test_table_row_wise_takes_what_torchrec_says(memory, table, hbm):
    rows = ceil(table[0] / 4)
    assert stored(memory, table, ShardingType.TABLE_ROW_WISE, rows=rows) == [hbm, 0, 0]


@pytest.mark.parametrize(
    ("table", "columns", "hbm"),
    list(zip(TABLES, [20, 20, 20, 40], [188224, 647776, 501120, 1544512], strict=True)),
)
def test_column_wise_takes_what_torchrec_says(memory, table, columns, hbm):
    assert stored(memory, table, ShardingType.COLUMN_WISE, columns=columns) == [hbm, 0, 0]


@pytest.mark.parametrize(
    ("table", "hbm", "ddr"),
    list(zip(TABLES, [166096, 1001920, 1004240, 2649152], [1040, 2240, 3600, 5440], strict=True)),
)
def test_a_cached_row_shard_takes_what_torchrec_says(memory, table, hbm, ddr):
    """The golden bytes, and 7.2 bytes of the cache's own state for each row."""
    rows = ceil(table[0] / 8)
    expected = [hbm + ceil(rows * 7.2), ddr, 0]
    kernel = Kernel.FUSED_UVM_CACHING
    assert stored(memory, table, ShardingType.ROW_WISE, kernel, rows=rows) == expected


@pytest.mark.parametrize(("rows", "columns", "hbm"), [(100, 64, 295936), (200, 128, 634880)])
def test_table_wise_on_two_ranks_takes_what_torchrec_says(memory, rows, columns, hbm):
    table = (rows, columns, [1])
    on_two = {"ranks": World(2, 2), "batch": 512}
    assert stored(memory, table, ShardingType.TABLE_WISE, **on_two) == [hbm, 0, 0]


@pytest.mark.parametrize(
    ("optimizer", "state"),
    [
        (Optimizer.SGD, 0),
        (Optimizer.ADAGRAD, 100 * 20 * 4),
        (Optimizer.ROWWISE_ADAGRAD, 100 * 4),
        (Optimizer.ADAM, 2 * 100 * 20 * 4),
    ],
)
def test_optimizer_state_lies_with_the_weights(memory, optimizer, state):
    whole, shard = shard_of(TABLES[0], ShardingType.TABLE_WISE)
    weight = 100 * 20 * 4
    in_hbm = weights(memory, whole, shard, Kernel.FUSED, optimizer)
    in_ddr = weights(memory, whole, shard, Kernel.FUSED_UVM, optimizer)
    assert in_hbm.tolist() == [weight + state, 0, 0]
    assert in_ddr.tolist() == [0, weight + state, 0]


def test_row_wise_state_of_a_column_shard_is_its_share_of_columns(memory):
    """TorchRec counts the state over the table's columns, so 5 of 20 columns bring a quarter."""
    whole, shard = shard_of(TABLES[0], ShardingType.COLUMN_WISE, columns=5)
    bytes_ = weights(memory, whole, shard, optimizer=Optimizer.ROWWISE_ADAGRAD)
    assert bytes_.tolist() == [100 * 5 * 4 + 100, 0, 0]


def test_a_key_value_shard_lies_on_ssd_with_its_caches_state(memory):
    """13 rows: their weights, and 7.2 bytes each of the cache's state; above it the caches."""
    whole, shard = shard_of(TABLES[0], ShardingType.ROW_WISE, rows=13)
    on_ssd = 13 * 20 * 4 + ceil(13 * 7.2)
    assert weights(memory, whole, shard, Kernel.KEY_VALUE).tolist() == [
        ceil(LOAD_FACTOR * 13 * 20 * 4),
        ceil(DDR_LOAD_FACTOR * 13 * 20 * 4),
        on_ssd,
    ]


@pytest.mark.parametrize(
    ("kernel", "pipeline", "batches"),
    [
        (Kernel.FUSED, Pipeline.SPARSE_DIST, 2),
        (Kernel.FUSED_UVM_CACHING, Pipeline.SPARSE_DIST, 2),
        (Kernel.FUSED, Pipeline.PREFETCH_SPARSE_DIST, 3),
        (Kernel.FUSED_UVM_CACHING, Pipeline.PREFETCH_SPARSE_DIST, 10),
    ],
)
def test_pipelines_keep_batches_of_ids(memory, kernel, pipeline, batches):
    _, shard = shard_of(TABLES[0], ShardingType.TABLE_WISE)
    assert buffers(memory, shard, kernel, pipeline) == batches * 256 * 8 * 8


@pytest.mark.parametrize(
    ("sharding_type", "bytes_"),
    [
        (ShardingType.TABLE_WISE, 256 * 8 * (8 + 20 * 4)),
        (ShardingType.ROW_WISE, 256 * (8 + 20 * 4)),
        (ShardingType.GRID_SHARD, 256 * 2 * (8 + 20 * 4)),
        (ShardingType.DATA_PARALLEL, 256 * (8 + 20 * 4)),
    ],
)
def test_unpooled_outputs_are_one_row_per_id(memory, sharding_type, bytes_):
    _, shard = shard_of(TABLES[0], sharding_type, pooled=False)
    assert buffers(memory, shard) == bytes_


@pytest.mark.parametrize("kernel", list(KERNELS))
def test_an_empty_row_shard_takes_nothing(memory, kernel):
    assert stored(memory, TABLES[0], ShardingType.ROW_WISE, kernel, rows=0) == [0, 0, 0]
