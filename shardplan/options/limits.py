"""What FBGEMM's kernels and TorchRec's runtime take: the one place that says so.

Options obey it, ``verify`` finds what does not, and executors refuse it. Each function answers why
something cannot be, in words; with nothing where it can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.sharding.device_kind import DeviceKind
from shardplan.sharding.geometry import COLUMN_MULTIPLE
from shardplan.sharding.kernel import Kernel, MemoryTier
from shardplan.sharding.kind import ShardingType
from shardplan.workload.collection import CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import OPTIMIZERS
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.sharding.world import World
    from shardplan.workload.collection import Collection
    from shardplan.workload.optimizers.optimizer import Optimizer
    from shardplan.workload.table import Table
    from shardplan.workload.training import Training

MOST_GPU_COLUMNS = 2048
"""What FBGEMM's kernels for GPUs, the dense ones too, have room for in one row."""
CACHE_SET_ROWS = 32
"""Rows of one set of FBGEMM's caches."""
MOST_CACHED_ROWS = 2**31 - 1
"""FBGEMM keeps where a row is cached in 32 bits."""
MOST_COUNTED_ROWS = (2**24 - 2) * CACHE_SET_ROWS
"""Of LFU caches, whose sets FBGEMM counts in 24 bits (``_apply_cache_state``)."""
SSD_DTYPES = (Dtype.FP32, Dtype.FP16)
"""The formats of weights that it keeps there."""


def row_split_is_legal(rows: int, n: int) -> bool:
    """Whether n row blocks are all non-empty; TorchRec's runtime crashes on an empty one."""
    return rows > (n - 1) * -(-rows // n)


def row_split_fault(rows: int, n: int) -> str:
    """Why ``rows`` cannot be cut into n blocks."""
    if row_split_is_legal(rows, n):
        return ""
    block = -(-rows // n)
    empty = n - -(-rows // block)
    return f"{rows:,} rows in blocks of {block:,} leave {empty:,} of {n:,} devices without a row"


def least_rows(rows: int, n: int) -> int:
    """The fewest rows, ``rows`` or more, that can be cut into n blocks."""
    return max(rows, (n - 1) * -(-rows // n) + 1)


def rows_fault(table: Table, n: int) -> str:
    """Why the rows of a table cannot be cut into n blocks; those of a dynamic one are dealt by ids,
    and every device has buckets for them, however few there are."""
    return "" if table.dynamic is not None else row_split_fault(table.rows, n)


def column_width_fault(width: int, devices: DeviceKind = DeviceKind.GPU) -> str:
    """Why shards on such devices cannot be ``width`` columns wide."""
    if width <= 0 or width % COLUMN_MULTIPLE:
        return f"a shard of {width:,} columns is not a multiple of {COLUMN_MULTIPLE} wide"
    if devices is DeviceKind.GPU and width > MOST_GPU_COLUMNS:
        return (
            f"a shard of {width:,} columns is too wide: FBGEMM's GPU kernels take at most "
            f"{MOST_GPU_COLUMNS:,}"
        )
    return ""


def column_blocks_fault(dim: int, blocks: Sequence[int], devices: DeviceKind) -> str:
    """Why columns cannot be cut into blocks of these widths."""
    if sum(blocks) != dim:
        return f"column blocks of {_words(blocks)} are {sum(blocks):,} columns, not {dim:,}"
    return next(filter(None, (column_width_fault(width, devices) for width in blocks)), "")


def collection_fault(kind: ShardingType, collection: Collection) -> str:
    """Why tables of such a module cannot be of a sharding type.

    What TorchRec's sharders offer: ``EmbeddingCollectionSharder``, and of managed collisions those
    that split a table and its map of ids together.
    """
    is_managed = collection.kind is CollectionKind.MANAGED_COLLISION
    if is_managed:
        allowed: tuple[ShardingType, ...] = (ShardingType.ROW_WISE,)
    elif collection.is_pooled:
        return ""
    else:
        allowed = (
            ShardingType.DATA_PARALLEL,
            ShardingType.TABLE_WISE,
            ShardingType.COLUMN_WISE,
            ShardingType.ROW_WISE,
        )
    if kind in allowed:
        return ""
    *others, last = map(str, allowed)
    names = f"{', '.join(others)} or {last}" if others else last
    return f"tables of a module of the kind {collection.kind} are {names} alone"


def type_fault(kind: ShardingType, table: Table) -> str:
    """Why a table cannot be of a sharding type, by its module and its features."""
    if fault := collection_fault(kind, table.collection):
        return fault
    if table.has_own_batches and not kind.takes_own_batches:
        if not kind.is_torchrecs:
            return "no table keeps hot rows whose features have batches of their own size"
        return "TorchRec has no such tables whose features have batches of their own size"
    return hot_rows_fault(table) if kind.keeps_hot_rows else ""


def hot_rows_fault(table: Table) -> str:
    """Why no device can keep the hottest rows of a table beside its part of the others."""
    if table.dynamic is not None:
        return "rows of a dynamic table have no numbers that say which are hot"
    if table.collection.kind is not CollectionKind.BAG:
        return f"hot rows are kept of modules of the kind {CollectionKind.BAG} alone"
    if table.padding is not None:
        return "its lists are padded, and all devices wait for the one that has the padded row"
    if not table.known_hot_ids:
        return (
            "it does not say of how many of its ids it is known that they are the hottest (hot_ids)"
        )
    return ""


def training_fault(kind: ShardingType, training: Training) -> str:
    """Why the job cannot train tables of a sharding type."""
    if not kind.keeps_hot_rows or training.hot_rows:
        return ""
    return "the native engine alone keeps hot rows; training.hot_rows says that it trains the plan"


def hot_rows_count_fault(kind: ShardingType, count: int, table: Table) -> str:
    """Why so many hot rows cannot be kept under a sharding type; 0 is none."""
    if not kind.keeps_hot_rows:
        return f"is {kind}, which keeps no hot rows, and not {count:,}" if count else ""
    if not count:
        return f"is {kind}, and does not say how many replicated_rows there are"
    return most_hot_rows_fault(count, table)


def most_hot_rows_fault(count: int, table: Table) -> str:
    """Why a table cannot keep so many hot rows."""
    most = min(table.known_hot_ids, table.rows - 1)
    if count > most:
        return f"keeps {count:,} hot rows of a table of which {most:,} can be at most"
    return ""


def widths_fault(widths: Sequence[int]) -> str:
    """Why column shards of one module that does not pool cannot be of these widths.

    Its outputs travel in one collective, which takes the width of its first shard for all.
    """
    if len(set(widths)) < 2:
        return ""
    found = " and ".join(f"{width:,}" for width in sorted(set(widths)))
    return f"column shards of a module that does not pool are all of one width, not {found}"


def kernel_fault(kind: ShardingType, kernel: Kernel) -> str:
    """Why tables of a sharding type cannot use a kernel."""
    if kernel.runs(kind):
        return ""
    if kind.keeps_hot_rows:
        return f"{kind} with kernel {kernel}: it runs with fused alone"
    if kernel.is_dynamic:
        return f"{kind} with kernel {kernel}: dynamic tables are row_wise over all devices"
    return f"{kind} with kernel {kernel}: data_parallel runs with dense, and nothing else does"


def ssd_fault(kernel: Kernel, dtype: Dtype, optimizer: Optimizer) -> str:
    """Why a kernel cannot keep such tables on SSD."""
    if not kernel.is_on_ssd:
        return ""
    if dtype not in SSD_DTYPES:
        return f"kernel {kernel} keeps {_words(SSD_DTYPES)} alone, not {dtype}"
    if not optimizer.trains_from_ssd:
        able = [each for each in OPTIMIZERS if each.trains_from_ssd]
        return f"kernel {kernel} trains with {_words(able)} alone, not {optimizer}"
    return ""


def sharing_fault(kernel: Kernel, shards: int, ranks: int) -> str:
    """Why a kernel cannot have ``shards`` of a table on ``ranks``."""
    if not kernel.is_on_ssd or ranks >= shards:
        return ""
    return f"kernel {kernel} cannot hold two shards of a table on one rank"


def may_share(kind: ShardingType, column_shards: int, world: World) -> bool:
    """Whether a device may come to hold two shards of a table, wherever its units are placed."""
    dealt_over = kind.dealt_over(world)
    return column_shards > dealt_over if dealt_over else kind.has_many_units


def cache_fault(
    kernel: Kernel,
    load_factor: float | None,
    ddr_load_factor: float | None = None,
    algorithm: CacheAlgorithm | None = None,
) -> str:
    """Why a kernel cannot have caches of these shares of the rows; None is no cache."""
    if not kernel.caches or kernel.is_dynamic:
        return f"kernel {kernel} has no cache" if load_factor is not None else ""
    if load_factor is None or not 0 < load_factor < 1:
        held = "no cache" if load_factor is None else load_factor
        return f"kernel {kernel} needs a cache.load_factor between 0 and 1, has {held}"
    if MemoryTier.DDR not in kernel.caches_in:
        if ddr_load_factor is not None:
            return (
                f"kernel {kernel} has no cache in DDR, but a cache.ddr_load_factor of "
                f"{ddr_load_factor}"
            )
        return ""
    if not 0 <= (ddr_load_factor or 0) < 1 - load_factor:
        both = f"{load_factor} + {ddr_load_factor}"
        return f"its two caches hold {both} of the rows, all or more"
    if algorithm not in (None, CacheAlgorithm.LRU):
        return f"kernel {kernel} has caches that are lru, not {algorithm}"
    return ""


def most_cached_rows(kernel: Kernel, algorithm: CacheAlgorithm, devices: DeviceKind) -> int | None:
    """The rows of one shard that a kernel's cache in HBM may hold; None where nothing limits it."""
    if not kernel.caches or kernel.is_dynamic or devices is not DeviceKind.GPU:
        return None
    counts = kernel.caches_ddr and algorithm is CacheAlgorithm.LFU
    return MOST_COUNTED_ROWS if counts else MOST_CACHED_ROWS


def cached_rows_fault(
    kernel: Kernel, rows: float, algorithm: CacheAlgorithm, devices: DeviceKind
) -> str:
    """Why a cache in HBM cannot hold ``rows`` of a shard."""
    most = most_cached_rows(kernel, algorithm, devices)
    if most is None or rows <= most:
        return ""
    return f"a cache of {rows:,.0f} rows: FBGEMM counts at most {most:,} ({algorithm})"


def _words(names: Sequence[object]) -> str:
    *most, last = map(str, names)
    return f"{', '.join(most)} and {last}"
