"""What the kernels take, and that options, plans and refusals know it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.options import limits
from shardplan.options.enumerate import enumerate_options
from shardplan.options.offer import Offer
from shardplan.sharding.device_kind import DeviceKind
from shardplan.sharding.geometry import row_blocks
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.sharding.world import World
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.table import Table
from shardplan.workload.training import CacheAlgorithm, Training
from shardplan.workload.workload import Workload

IN_HBM = Offer(frozenset({Kernel.DENSE, Kernel.FUSED}))
EVERY = Offer(frozenset(KERNELS))


def options_of(rows, dim, world, offer=IN_HBM, dtype=Dtype.FP32, **training):
    """Of one table: (sharding type, kernel, column shards) of each option."""
    table = Table("t", "m", rows, dim, dtype, ("t",), (1.0,), Uniform())
    trained = Training(**{"exact_updates": False} | training)
    found = enumerate_options(Workload("w", (table,), 64, trained), world, (), offer)
    return [
        (found.sharding_type(row), found.compute_kernel(row), int(found.column_shards[row]))
        for row in range(len(found))
    ]


@given(rows=st.integers(1, 500), n=st.integers(1, 40))
def test_a_row_split_is_legal_when_no_block_is_empty(rows, n):
    blocks = [height for _, height in row_blocks(rows, n)]
    fault = limits.row_split_fault(rows, n)
    assert limits.row_split_is_legal(rows, n) == all(blocks) == (fault == "")
    if fault:
        assert f" leave {blocks.count(0)} of {n} devices" in fault


def test_faults_name_the_numbers():
    assert (
        limits.row_split_fault(9, 4) == "9 rows in blocks of 3 leave 1 of 4 devices without a row"
    )
    assert limits.column_width_fault(6) == "a shard of 6 columns is not a multiple of 4 wide"
    assert "2,052 columns is too wide" in limits.column_width_fault(2052)


@pytest.mark.parametrize(
    ("width", "on_gpus", "on_cpus"),
    [
        (4, True, True),
        (2048, True, True),
        (2052, False, True),
        (6, False, False),
        (0, False, False),
    ],
)
def test_column_widths(width, on_gpus, on_cpus):
    assert (limits.column_width_fault(width, DeviceKind.GPU) == "") is on_gpus
    assert (limits.column_width_fault(width, DeviceKind.CPU) == "") is on_cpus


def test_a_table_that_is_too_wide_for_gpus_is_cut():
    """4,096 columns need two shards at least; whole, neither by rows nor replicated, it is none."""
    found = options_of(10_000, 4096, World(4, 2))
    assert {kind for kind, _, _ in found} == {
        ShardingType.COLUMN_WISE,
        ShardingType.TABLE_COLUMN_WISE,
        ShardingType.GRID_SHARD,
    }
    assert min(cut for _, _, cut in found) == 2
    assert {cut for kind, _, cut in found if kind is ShardingType.COLUMN_WISE} == {2, 4}


def test_a_table_that_is_too_wide_is_cut_on_a_single_gpu_too():
    assert options_of(10_000, 4096, World(1, 1)) == [(ShardingType.COLUMN_WISE, Kernel.FUSED, 2)]


def test_cpus_read_rows_of_any_width():
    on_cpus = options_of(10_000, 4096, World(4, 2, DeviceKind.CPU))
    assert (ShardingType.TABLE_WISE, Kernel.FUSED, 1) in on_cpus


@pytest.mark.parametrize(
    ("dtype", "optimizer", "is_there"),
    [
        (Dtype.FP32, Optimizer.ADAM, True),
        (Dtype.FP16, Optimizer.ROWWISE_ADAGRAD, True),
        (Dtype.BF16, Optimizer.ADAM, False),
        (Dtype.FP32, Optimizer.SGD, False),
    ],
)
def test_what_rows_on_ssd_may_be(dtype, optimizer, is_there):
    found = options_of(10_000_000, 64, World(2, 2), EVERY, dtype, optimizer=optimizer)
    assert any(kernel is Kernel.KEY_VALUE for _, kernel, _ in found) is is_there


@pytest.mark.parametrize("algorithm", CacheAlgorithm)
def test_caches_hold_no_more_rows_than_are_counted(algorithm):
    """Of 10 thousand million rows a cache of 2**31 slots is about a fifth, of 2**29 a twentieth."""
    world = World(1, 1)
    table = Table("t", "m", 10**10, 64, Dtype.FP32, ("t",), (1.0,), Uniform())
    workload = Workload("w", (table,), 64, Training(cache_algorithm=algorithm))
    found = enumerate_options(workload, world, (), EVERY)
    cached = found.has_kernel(lambda kernel: kernel.caches_ddr)
    most = {CacheAlgorithm.LRU: 2**31 - 1, CacheAlgorithm.LFU: (2**24 - 2) * 32}[algorithm]
    assert 0 < found.hbm_share[cached].max() * 10**10 <= most
    assert 2 * found.hbm_share[cached].max() * 10**10 > most
