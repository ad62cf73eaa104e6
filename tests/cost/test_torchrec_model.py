"""TorchRec's estimator behind the cost-model protocol."""

from types import SimpleNamespace

import numpy as np
import pytest
from torchrec_cases import option_set, shipped_constants

from shardplan.cost.torchrec.model import TorchRecCostModel
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import World
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.table import Table
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

LOOKUP, OUTPUT, GRADIENT, UPDATE, PREFETCH = range(5)
MIB = 2**20


@pytest.fixture(scope="module")
def constants():
    return shipped_constants()


def table(rows=1000, dim=128, poolings=(10.0,), dtype=Dtype.FP32, name="t", weighted=False):
    features = tuple(f"{name}_{i}" for i in range(len(poolings)))
    return Table(name, "ebc", rows, dim, dtype, features, poolings, Uniform(), weighted=weighted)


def model(constants, *tables, batch=8192, nodes=2, each=4, **training):
    workload = Workload("w", tables, batch, Training(**training))
    world = World(nodes * each, each)
    whole = SimpleNamespace(world=world)
    topology = SimpleNamespace(world_size=world.size, world=world, whole=whole)
    return TorchRecCostModel(workload, topology, constants)


def costs(model, sharding_type, kernel=Kernel.FUSED, column_shards=1):
    """(seconds per phase, bytes per tier) of one unit of table 0."""
    unit = model.unit_costs(option_set((0, sharding_type, kernel, column_shards)))
    return unit.load_seconds[0], unit.memory_bytes[0]


def test_phases_are_torchrecs_and_none_overlaps(constants):
    phases = model(constants, table()).phases
    names = ["lookup_forward", "output_comm", "gradient_comm", "update_backward", "prefetch"]
    assert [phase.name for phase in phases] == names
    assert not any(phase.overlapped or phase.constant_seconds for phase in phases)


def test_a_weighted_unit_by_hand(constants):
    """As many bytes of weights as of ids are read, not sent; and the update takes longer."""
    seconds, bytes_ = costs(model(constants, table(weighted=True)), ShardingType.TABLE_WISE)
    plain, same_bytes = costs(model(constants, table()), ShardingType.TABLE_WISE)
    ids, row = 8192 * 10, 128 * 4
    lookup = (ids * (16 + row) + 8192 * row) / (897 * 2**30)
    assert seconds[LOOKUP] == pytest.approx(lookup, rel=1e-12)
    assert seconds[UPDATE] == pytest.approx((2 + 1.1) * lookup, rel=1e-12)
    assert seconds[[OUTPUT, GRADIENT]].tolist() == plain[[OUTPUT, GRADIENT]].tolist()
    assert bytes_.tolist() == same_bytes.tolist()


def test_a_table_wise_unit_by_hand(constants):
    """8,192 samples of 10 ids: 8 bytes an id, a row each; one output a sample, over the NICs."""
    seconds, bytes_ = costs(model(constants, table()), ShardingType.TABLE_WISE)
    ids, row = 8192 * 10, 128 * 4
    lookup = (ids * (8 + row) + 8192 * row) / (897 * 2**30)
    comm = 8192 * row / (12.5 * 2**30)
    assert seconds == pytest.approx([lookup, comm, comm, 2 * lookup, 0], rel=1e-12, abs=0)
    assert bytes_.tolist() == [1000 * row + 1000 * 4 + 2 * ids * 8, 0, 0]


def test_halving_the_columns_nearly_halves_only_the_bytes_and_not_below_32(constants):
    """Penalties and the least width of 32 make two narrow shards cost more than one wide."""
    whole, _ = costs(model(constants, table(dim=64)), ShardingType.TABLE_WISE)
    half, _ = costs(model(constants, table(dim=64)), ShardingType.COLUMN_WISE, column_shards=2)
    quarter, _ = costs(model(constants, table(dim=64)), ShardingType.COLUMN_WISE, column_shards=4)
    assert 2 * half[LOOKUP] > 1.5 * whole[LOOKUP]
    assert quarter[LOOKUP] > 0.9 * half[LOOKUP]
    assert quarter[OUTPUT] == pytest.approx(whole[OUTPUT] / 4)


def test_a_table_column_wise_unit_holds_its_shards_of_one_device(constants):
    """8 column shards on 4 devices: twice what a column-wise shard costs."""
    on_nodes = costs(model(constants, table()), ShardingType.TABLE_COLUMN_WISE, column_shards=8)
    alone = costs(model(constants, table()), ShardingType.COLUMN_WISE, column_shards=8)
    for in_node, one in zip(on_nodes, alone, strict=True):
        assert in_node == pytest.approx(2 * one)


@pytest.mark.parametrize(
    ("sharding_type", "rows"),
    [
        (ShardingType.TABLE_WISE, 1001),
        (ShardingType.DATA_PARALLEL, 1001),
        (ShardingType.ROW_WISE, 126),
        (ShardingType.TABLE_ROW_WISE, 251),
        (ShardingType.GRID_SHARD, 251),
    ],
)
def test_row_blocks_are_charged_at_full_height(constants, sharding_type, rows):
    """1,001 rows over 8 devices or the 4 of a node, without ids and optimizer state."""
    idle = model(constants, table(rows=1001, poolings=(0.0,)), optimizer=Optimizer.SGD)
    kernel = Kernel.DENSE if sharding_type is ShardingType.DATA_PARALLEL else Kernel.FUSED
    _, bytes_ = costs(idle, sharding_type, kernel)
    assert bytes_.tolist() == [rows * 512, 0, 0]


def test_weight_bytes_are_the_units_bytes_without_buffers(constants):
    case = model(constants, table(rows=1000, poolings=(0.0,)))
    for kernel in (Kernel.FUSED, Kernel.FUSED_UVM, Kernel.FUSED_UVM_CACHING, Kernel.KEY_VALUE):
        _, bytes_ = costs(case, ShardingType.ROW_WISE, kernel)
        options = option_set((0, ShardingType.ROW_WISE, kernel, 1))
        alone = case.shard_bytes(options, np.array([125]), np.array([128]))
        assert alone.tolist() == [bytes_.tolist()]


def test_codecs_shrink_what_is_sent_and_fp32_means_none(constants):
    """Without a codec TorchRec sends the table's dtype."""

    def sent(dtype, **comm):
        seconds, _ = costs(model(constants, table(dtype=dtype), **comm), ShardingType.TABLE_WISE)
        return seconds[[OUTPUT, GRADIENT]]

    full = sent(Dtype.FP32)
    halved = sent(Dtype.FP32, comm_forward=Dtype.FP16, comm_backward=Dtype.BF16)
    assert halved == pytest.approx(full / 2)
    assert sent(Dtype.FP16) == pytest.approx(full / 2)


def test_poolings_below_one_give_fewer_outputs(constants):
    """TorchRec counts min(1, pooling) vectors per feature and sample: 0.5 + 1 of 2 features."""
    few, _ = costs(model(constants, table(poolings=(0.5, 3.0))), ShardingType.ROW_WISE)
    two, _ = costs(model(constants, table(poolings=(1.0, 3.0))), ShardingType.ROW_WISE)
    assert few[OUTPUT] == pytest.approx(0.75 * two[OUTPUT])


def test_only_the_prefetching_pipeline_prefetches(constants):
    """Uniform access: 0.8 of a batch's unique rows miss a cache of 0.2, over the host link."""
    cached = (ShardingType.TABLE_WISE, Kernel.FUSED_UVM_CACHING)
    plain, _ = costs(model(constants, table(rows=10**6)), *cached)
    ahead = model(constants, table(rows=10**6), pipeline=Pipeline.PREFETCH_SPARSE_DIST)
    prefetched, _ = costs(ahead, *cached)
    unique = 1e6 * -np.expm1(81920 * np.log1p(-1e-6))
    assert plain[PREFETCH] == 0
    assert prefetched[PREFETCH] == pytest.approx(0.8 * unique * 512 / (32 * 2**30))
    assert prefetched[LOOKUP] < plain[LOOKUP]
    assert costs(ahead, ShardingType.TABLE_WISE)[0][PREFETCH] == 0


def test_room_is_kept_for_the_dense_model_and_the_ids(constants):
    """20 copies of 1,024 samples x 10 ids x 8 bytes."""
    base = model(constants, table(), dense_memory_bytes=3 * MIB).base_memory_bytes
    assert base.tolist() == [3 * MIB + 20 * 1024 * 10 * 8, 0, 0]


def test_a_batch_need_not_divide_evenly(constants):
    assert model(constants, table(), batch=8193).base_memory_bytes[0] == 20 * 81930


def test_many_options_are_priced_as_one_by_one(constants):
    tables = [table(dim=d, poolings=(p,), name=f"t{d}") for d, p in ((64, 1.5), (256, 40.0))]
    rows = [
        (i, sharding_type, kernel, 4 if sharding_type.cuts_columns else 1)
        for i in range(2)
        for sharding_type in SHARDING_TYPES
        if sharding_type.is_torchrecs
        for kernel in KERNELS
    ]
    case = model(constants, *tables)
    together = case.unit_costs(option_set(*rows))
    for row, load, bytes_ in zip(rows, together.load_seconds, together.memory_bytes, strict=True):
        alone = case.unit_costs(option_set(row))
        assert alone.load_seconds[0].tolist() == load.tolist()
        assert alone.memory_bytes[0].tolist() == bytes_.tolist()
