"""What a cost-model file of TorchRec's kind may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from shardplan.spec.fields import quantities as fields
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.figure import Figure, check_sources
from shardplan.spec.fields.quantities import Bytes, BytesPerSecond, Number, Whole

if TYPE_CHECKING:
    from collections.abc import Iterator

Rate = Figure[BytesPerSecond]
Size = Figure[Bytes]
Factor = Figure[Annotated[Number, Field(ge=0, le=10**6)]]
Share = Figure[fields.Share]
Amount = Figure[Annotated[Whole, Field(ge=0, le=10**9)]]


UNREAD = ("key_value_cache",)
"""Keys that older files have."""


class BandwidthsFile(Border):
    """How fast memories and links are."""

    hbm: Rate
    host_link: Rate
    """Between a device's HBM and its host's DDR."""
    ssd: Rate
    intra_host: Rate
    """Of each device, to the others of its node."""
    inter_host: Rate
    """Of each device, to those of other nodes."""


class KernelsFile(Border):
    """How fast the kernels are, given the memory that they read."""

    full_block_columns: Amount
    """Columns that keep a whole block of threads busy; narrower shards pay a penalty."""
    half_block_penalty: Factor
    """For shards at least half as wide."""
    quarter_block_penalty: Factor
    """For narrower shards; a lookup is charged at least a quarter of a block."""
    backward_factor: Factor
    """Seconds of the backward pass per second of the forward pass."""
    weighted_backward_factor: Factor
    """Times as much for weighted features."""
    weighted_kernel_factor: Factor
    """Seconds that weighted features add to that, per second of the forward pass."""
    dense_rate: Share
    """Of the HBM's bandwidth, for ``dense``."""
    uvm_rate: Share
    """Of the bandwidth of what they read from, for ``fused_uvm`` and ``fused_uvm_caching``."""
    batched_copy_factor: Factor
    """Passes over the gathered gradients of row shards."""
    dense_update_factor: Factor
    """Passes over a data-parallel table in its update."""


class MemoryFile(Border):
    """What is kept in memory besides weights and optimizer state."""

    id_bytes: Amount
    """Of one id."""
    cache_bytes_per_row: Amount
    """Of a cache's own state, for each row of the shard."""
    cache_bytes_per_slot: Amount
    """Of a cache's own state, for each row that it can hold."""
    key_value_cache: Size | None = None
    """Not read any more: caches of ``key_value`` shards count as large as they are planned."""
    sparse_dist_batches: Amount
    """Input batches in flight under the pipeline ``sparse_dist``."""
    prefetch_batches: Amount
    """The same under ``prefetch_sparse_dist``."""
    prefetch_burst: Amount
    """Input batches' worth of memory that prefetching into a cache takes in passing."""
    kjt_copies: Amount
    """Copies of the local batch's ids for which each device keeps room."""


class TorchRecFile(Border):
    """A cost model of TorchRec's form; sections left out are those of the one that is shipped."""

    name: Name
    kind: Literal["torchrec"]
    description: str = ""
    bandwidths: BandwidthsFile | None = None
    kernels: KernelsFile | None = None
    memory: MemoryFile | None = None
    sources: dict[str, str] = Field(default_factory=dict)
    """Where figures are from, by the key that figures name."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self.figures(), self.sources)
        return self

    def figures(self) -> Iterator[tuple[tuple[str, str], Figure[Any]]]:
        """Every figure, and its path."""
        for name in ("bandwidths", "kernels", "memory"):
            section = getattr(self, name)
            for key in type(section).model_fields if section else ():
                figure = getattr(section, key)
                if figure is not None:
                    yield (name, key), figure


def completed(value: dict[str, Any], shipped: dict[str, Any]) -> dict[str, Any]:
    """The plain values of a file, with the shipped sections where it has none."""
    sources = shipped.get("sources", {}) | value.get("sources", {})
    return shipped | value | {"sources": sources}
