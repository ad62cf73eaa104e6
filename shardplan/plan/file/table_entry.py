"""What the plan file says of one table; the key names are those of TorchRec's serialisation."""

import re
from functools import lru_cache
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shardplan.options.dynamic_shares import KERNEL_OF_MODE
from shardplan.plan.file.plan_model import Count, Pair, PlanModel, Positive
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.dynamic.dynamic import DynamicMode, Eviction, IdDeal
from shardplan.workload.training import CacheAlgorithm


class MemoryBytes(PlanModel):
    """Bytes in each memory tier."""

    hbm: Count
    ddr: Count
    ssd: Count

    def __getitem__(self, tier: int) -> int:
        """The bytes of a tier by its position in ``TIERS``."""
        return (self.hbm, self.ddr, self.ssd)[tier]


class ShardEntry(PlanModel):
    """A rectangle of the table and where it lives."""

    shard_offsets: Pair
    """First row and first column."""
    shard_sizes: Pair
    """Rows and columns."""
    placement: str
    """``rank:R/cuda:L``, L being R modulo the devices of a node."""
    memory_bytes: MemoryBytes
    """Weights, optimizer state and cache."""


class CacheEntry(PlanModel):
    """The cache, or caches, of a kernel that caches."""

    algorithm: CacheAlgorithm = CacheAlgorithm.LRU
    """Which row makes room; ``lfu`` only of ``fused_uvm_caching``."""
    load_factor: Annotated[float, Field(ge=0, le=1)]
    """Share of the rows that the cache in HBM holds."""
    ddr_load_factor: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the rows that the cache in DDR holds besides; only of ``key_value``."""


class DynamicEntry(PlanModel):
    """Where the values of a dynamic table lie, on every device alike."""

    mode: DynamicMode
    """``hbm``, ``caching``, ``hybrid`` or ``host``."""
    caching: bool
    """dynamicemb's option of that name."""
    global_hbm_for_values: Count
    """Bytes over all devices: dynamicemb's option. Tables of a container pool theirs."""
    dist_type: IdDeal
    bucket_capacity: Positive
    """Rows of a bucket."""
    evict: Eviction
    value_bytes_per_row: Positive
    """Weights and optimizer state."""
    rows_per_rank: Positive
    """Room for as many rows on each device."""
    hbm_rows_per_rank: Count
    """Of these, in HBM; what a cache keeps besides for rows that find no room is not counted."""
    host_rows_per_rank: Count
    """Of these, on the host."""


class _TorchRecName:
    """The kernels in a file by the names that TorchRec has for them.

    Those of all dynamic tables bear one name, and are told apart by the mode, which stands before.
    """

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        names = dict.fromkeys(map(_name_of, Kernel.registry()))
        return handler(core_schema) | {"enum": [*names]}


def _name_of(kernel: Kernel) -> str:
    return kernel.torchrec_name or kernel.name


def _read_kernel(value: object, info: ValidationInfo) -> object:
    dynamic = info.data.get("dynamic")
    if isinstance(dynamic, DynamicEntry) and value == Kernel.DYNAMIC_HBM.torchrec_name:
        return KERNEL_OF_MODE.get(dynamic.mode, value)
    return value


KernelField = Annotated[
    Kernel,
    BeforeValidator(_read_kernel),
    PlainSerializer(_name_of, return_type=str),
    _TorchRecName(),
]


class TableEntry(PlanModel):
    """How one table is sharded and placed."""

    sharding_type: ShardingType
    dynamic: DynamicEntry | None = None
    """Only of tables that are hash tables."""
    compute_kernel: KernelField
    ranks: tuple[Count, ...]
    """The rank of each shard, in the order of the shards; every rank for data-parallel."""
    shards: tuple[ShardEntry, ...] = ()
    """Absent for data-parallel tables, which every rank holds whole."""
    cache: CacheEntry | None = None
    """Only for kernels that cache."""
    replicated_rows: Positive | None = None
    """The hottest rows that every rank holds besides; only for types that keep some."""


_PLACEMENT = re.compile(r"rank:(0|[1-9][0-9]{0,8})/cuda:(0|[1-9][0-9]{0,8})")


def placement_of(rank: int, local_world_size: int) -> str:
    """Where a rank's shards live, as TorchRec writes it."""
    return f"rank:{rank}/cuda:{rank % local_world_size}"


@lru_cache(maxsize=1 << 16)
def parse_placement(placement: str) -> tuple[int, int]:
    """(rank, local device) of ``rank:R/cuda:L``; (-1, -1) where it is not of that form."""
    match = _PLACEMENT.fullmatch(placement)
    return (int(match[1]), int(match[2])) if match else (-1, -1)
