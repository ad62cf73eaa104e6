"""The plan file's ``tables`` of a model that is served."""

from typing import Annotated

from pydantic import Field

from shardplan.plan.file.plan_model import Count, Pair, PlanModel, Positive
from shardplan.workload.serving.side import Side
from shardplan.workload.serving.stored_format import StoredFormat


class ServedShard(PlanModel):
    """One shard of a table."""

    device: Count
    """Of the replica."""
    shard_offsets: Pair
    """Its first row and column."""
    shard_sizes: Pair
    """Its rows and columns."""
    memory_bytes: Count
    """Of its rows, as they are stored."""


class PlacedEntry(PlanModel):
    """How one table is stored and laid over the devices of each replica."""

    name: str
    module: str
    rows: Positive
    dim: Positive
    side: Side
    dtype: StoredFormat
    """In which its rows are stored."""
    row_bytes: Positive
    """From one row of a shard to the next."""
    quality_loss: Annotated[float, Field(ge=0)]
    """Of format and rows left out, in the user's unit."""
    kept_rows: Positive | None = None
    """The hottest, where the others are left out; only of such tables."""
    sharding_type: str
    compute_kernel: str
    """``quant``: rows in HBM; ``quant_uvm``: in DDR, read over the host link;
    ``quant_uvm_caching``: in DDR, with a cache of rows in HBM."""
    cached_rows: Positive | None = None
    """Slots of the cache in HBM of each shard; only where there is one."""
    shards: tuple[ServedShard, ...]
