"""The seconds of TorchRec's estimator against golden numbers printed by TorchRec 1.9.2 (in ms)."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from torchrec_cases import shipped_constants

from shardplan.cost.torchrec.perf import (
    Wire,
    kernel_bytes_per_second,
    prefetch_seconds,
    shard_seconds,
)
from shardplan.cost.torchrec.shards import ShardArrays
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import World

TWO = World(2, 2)
COUNTED = ("fwd_compute", "fwd_comms", "bwd_compute", "bwd_comms")
"""The parts of TorchRec's ``Perf.total``."""
exactly = partial(pytest.approx, rel=1e-12, abs=0)

REPLICATED = tuple(kind for kind in SHARDING_TYPES if kind.is_replicated)
BY_ROWS = tuple(kind for kind in SHARDING_TYPES if kind.cuts_rows and kind.is_torchrecs)
WHOLE = tuple(kind for kind in SHARDING_TYPES if not kind.is_replicated and not kind.cuts_rows)
WHOLE_COMM, ROWS_COMM = 6.357828776041667e-05, 0.00016798276699240525
PERF = [
    (WHOLE, Kernel.FUSED, 0.000327460077428233, WHOLE_COMM, WHOLE_COMM),
    (WHOLE, Kernel.FUSED_UVM, 0.09179115295410156, WHOLE_COMM, WHOLE_COMM),
    (WHOLE, Kernel.FUSED_UVM_CACHING, 0.01432837509527439, WHOLE_COMM, WHOLE_COMM),
    (BY_ROWS, Kernel.FUSED, 6.804365245261984e-05, WHOLE_COMM, ROWS_COMM),
    (BY_ROWS, Kernel.FUSED_UVM, 0.019073486328125, WHOLE_COMM, 0.029329458872477215),
    (BY_ROWS, Kernel.FUSED_UVM_CACHING, 0.0029773246951219513, WHOLE_COMM, 0.004631910866838161),
    (REPLICATED, Kernel.DENSE, 9.356002212235228e-05, 0, 0.000225593945387348),
]


@pytest.fixture(scope="module")
def constants():
    return shipped_constants()


def one_shard(
    sharding_type, rows=100, columns=10, batch=512, element_bytes=4, weighted=False, pooled=True
):
    """A shard of a table with pooling 1."""
    return ShardArrays(
        sharding=np.array([SHARDING_TYPES.index(sharding_type)], np.int8),
        rows=np.array([float(rows)]),
        columns=np.array([float(columns)]),
        ids=np.array([float(batch)]),
        outputs=np.array([float(batch)]),
        element_bytes=np.array([float(element_bytes)]),
        is_weighted=np.array([weighted]),
        is_pooled=np.array([pooled]),
    )


def milliseconds(constants, shard, kernel=Kernel.FUSED, ranks=TWO, wire_bytes=None):
    """Every part of a shard's time, under TorchRec's names; ``wire_bytes`` as in ``Wire``."""
    code = np.array([KERNELS.index(kernel)], np.int8)
    rate = kernel_bytes_per_second(code, np.array([0.2]), False, constants)
    wire = Wire(*(np.array([size]) for size in wire_bytes or [shard.element_bytes[0]] * 4))
    seconds = shard_seconds(shard, ranks, wire, rate, constants)
    ms = {name: getattr(seconds, name)[0] * 1e3 for name in (*COUNTED, "input_dist")}
    return ms | {"total": sum(ms[name] for name in COUNTED)}


@pytest.mark.parametrize(
    ("sharding_type", "kernel", "fwd_compute", "fwd_comms", "bwd_comms"),
    [(t, *expected) for types, *expected in PERF for t in types],
)
def test_two_ranks_cost_what_torchrec_says(
    constants, sharding_type, kernel, fwd_compute, fwd_comms, bwd_comms
):
    ms = milliseconds(constants, one_shard(sharding_type), kernel)
    assert ms == exactly(
        {
            "fwd_compute": fwd_compute,
            "fwd_comms": fwd_comms,
            "bwd_compute": 2 * fwd_compute,
            "bwd_comms": bwd_comms,
            "input_dist": 0 if sharding_type.is_replicated else 1.2715657552083334e-05,
            "total": 3 * fwd_compute + fwd_comms + bwd_comms,
        },
    )


@pytest.mark.parametrize(
    ("sharding_type", "fwd_compute", "bwd_compute"),
    [
        (ShardingType.TABLE_WISE, 0.00034234462640224357, 0.001061268341846955),
        (ShardingType.ROW_WISE, 7.229638073090858e-05, 0.0002241187802658166),
    ],
)
def test_weighted_features_cost_what_torchrec_says(
    constants, sharding_type, fwd_compute, bwd_compute
):
    ms = milliseconds(constants, one_shard(sharding_type, weighted=True))
    assert (ms["fwd_compute"], ms["bwd_compute"]) == exactly((fwd_compute, bwd_compute))


@pytest.mark.parametrize(
    ("sharding_type", "total"),
    [
        (ShardingType.TABLE_WISE, 0.000846718200207288),
        (ShardingType.ROW_WISE, 0.0002561205605599394),
    ],
)
def test_fp8_communication_costs_what_torchrec_says(constants, sharding_type, total):
    """Reduce-scatter has no fp8 and takes fp16."""
    ms = milliseconds(constants, one_shard(sharding_type), wire_bytes=(1, 1, 2, 2))
    assert ms["total"] == exactly(total)


@pytest.mark.parametrize(
    ("sharding_type", "kernel", "total"),
    [
        (ShardingType.TABLE_WISE, Kernel.FUSED, 0.001880471390093715),
        (ShardingType.ROW_WISE, Kernel.FUSED, 0.0007915177871551004),
        (ShardingType.DATA_PARALLEL, Kernel.DENSE, 0.0026901057997143255),
    ],
)
def test_unpooled_tables_cost_what_torchrec_says(constants, sharding_type, kernel, total):
    shard = one_shard(sharding_type, rows=256, columns=32, pooled=False)
    assert milliseconds(constants, shard, kernel)["total"] == exactly(total)


@pytest.mark.parametrize(
    ("sharding_type", "forward"),
    [
        (ShardingType.TABLE_WISE, 0.0001296231579222408),
        (ShardingType.ROW_WISE, 5.5200413052187844e-05),
    ],
)
def test_int8_inference_costs_what_torchrec_says(constants, sharding_type, forward):
    """A quantised row has 16 bytes, and travels as it is."""
    shard = one_shard(sharding_type, columns=16, element_bytes=1)
    ms = milliseconds(constants, shard)
    assert ms["fwd_compute"] + ms["fwd_comms"] == exactly(forward)


@pytest.mark.parametrize(
    ("sharding_type", "expected"),
    [
        (ShardingType.TABLE_WISE, 0.023283064365386963),
        (ShardingType.ROW_WISE, 0.011641532182693481),
        (ShardingType.DATA_PARALLEL, 0),
    ],
)
def test_prefetch_costs_what_torchrec_says(constants, sharding_type, expected):
    """A tenth of 200,000 lookups misses the cache."""
    misses = np.array([0.1 * 200_000])
    seconds = prefetch_seconds(one_shard(sharding_type), TWO, misses, constants.bandwidths)
    assert seconds[0] * 1e3 == exactly(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("load_factor", "prefetch", "bytes_per_ms"),
    [
        (0.0, False, 3435973.8368),
        (0.25, False, 26655640.7808),
        (0.5, False, 49875307.7248),
        (0.75, False, 73094974.6688),
        (1.0, False, 96314641.6128),
        (0.5, True, 963146416.128),
    ],
)
def test_a_cache_reads_as_fast_as_torchrec_says(constants, load_factor, prefetch, bytes_per_ms):
    kernel = np.array([KERNELS.index(Kernel.FUSED_UVM_CACHING)])
    rate = kernel_bytes_per_second(kernel, np.array([load_factor]), prefetch, constants)
    assert rate[0] / 1e3 == exactly(bytes_per_ms)


@pytest.mark.parametrize(
    ("kernel", "gib_per_second"),
    [
        (Kernel.DENSE, 448.5),
        (Kernel.FUSED, 897),
        (Kernel.FUSED_UVM, 3.2),
        (Kernel.KEY_VALUE, 0.09765625),
    ],
)
def test_kernels_read_at_their_memorys_rate(constants, kernel, gib_per_second):
    rate = kernel_bytes_per_second(
        np.array([KERNELS.index(kernel)]), np.array([0.2]), False, constants
    )
    assert rate[0] == exactly(gib_per_second * 2**30)


@pytest.mark.parametrize(
    ("columns", "penalty"), [(16, 1.75), (32, 1.75), (64, 1.15), (124, 1.15), (128, 1), (256, 1)]
)
def test_narrow_shards_pay_for_idle_threads(constants, columns, penalty):
    """Of 1,024 ids: 8 bytes each, the row (of at least 32 columns), and the output."""
    ms = milliseconds(constants, one_shard(ShardingType.COLUMN_WISE, columns=columns))
    moved = 1024 * (8 + 4 * max(columns, 32) + 4 * columns)
    assert ms["fwd_compute"] / 1e3 == exactly(penalty * moved / (897 * 2**30))


class TestCommunication:
    """Hand-made variants: which link carries what, on 2 nodes of 4."""

    INTRA, INTER = 600 * 2**30, 12.5 * 2**30
    OUTPUT = 512 * 8 * 10 * 4

    @pytest.fixture
    def ms(self, constants):
        return lambda t, **kw: milliseconds(constants, one_shard(t), ranks=World(8, 4), **kw)

    def test_table_wise_crosses_nodes(self, ms):
        expected = self.OUTPUT / self.INTER * 1e3
        assert ms(ShardingType.TABLE_WISE)["fwd_comms"] == exactly(expected)

    def test_grid_reduces_in_its_node_then_exchanges_between_nodes(self, ms):
        """The peers' part is counted once per group: 512 x 2 groups x 10 columns."""
        expected = self.OUTPUT / self.INTRA + 512 * 2 * 10 * 4 / self.INTER
        assert ms(ShardingType.GRID_SHARD)["fwd_comms"] == exactly(expected * 1e3)

    def test_directions_use_their_own_element_sizes(self, ms):
        row_wise = ms(ShardingType.ROW_WISE, wire_bytes=(9, 9, 2, 1))
        assert row_wise["fwd_comms"] == exactly(self.OUTPUT / 2 / self.INTER * 1e3)
        gathered = self.OUTPUT / 4
        copied = gathered / self.INTER + 2.455 * gathered / (897 * 2**30)
        assert row_wise["bwd_comms"] == exactly(copied * 1e3)

    @pytest.mark.parametrize(("world_size", "factor"), [(4, 1), (8, 1.5), (16, 3)])
    def test_an_all_reduce_costs_more_over_more_nodes(self, constants, world_size, factor):
        """Bytes (2h - 1) / h over h = 1 or 2 nodes, twice that from 3 nodes on."""
        shard = one_shard(ShardingType.DATA_PARALLEL)
        table = 100 * 10 * 4
        reduce = table * factor / (self.INTER * 4)
        update = 9.22 * table / (897 * 2**30)
        ms = milliseconds(constants, shard, ranks=World(world_size, 4))
        assert ms["bwd_comms"] == exactly((reduce + update) * 1e3)


def test_unpooled_row_shards_send_ids_once(constants):
    """Row-wise sends its share of the ids' rows, table-wise all of them."""
    whole, rows = (
        milliseconds(constants, one_shard(t, pooled=False), ranks=World(8, 4))["fwd_comms"]
        for t in (ShardingType.TABLE_WISE, ShardingType.ROW_WISE)
    )
    assert whole == exactly(8 * rows)


def test_shards_are_priced_one_by_one(constants):
    """Arrays give what their shards give alone."""
    alone = [one_shard(t) for t in SHARDING_TYPES if t.is_torchrecs]
    fields = {
        name: np.concatenate([getattr(shard, name) for shard in alone])
        for name in ShardArrays.__dataclass_fields__
    }
    together = replace(alone[0], **fields)
    wire = Wire(*[np.full(len(alone), 4.0)] * 4)
    rate = np.full(len(alone), 1e12)
    seconds = shard_seconds(together, World(8, 4), wire, rate, constants)
    for i, shard in enumerate(alone):
        wire_one = Wire(*[np.array([4.0])] * 4)
        one = shard_seconds(shard, World(8, 4), wire_one, rate[:1], constants)
        assert [getattr(one, name)[0] for name in COUNTED] == [
            getattr(seconds, name)[i] for name in COUNTED
        ]
