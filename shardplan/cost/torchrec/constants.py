"""The constants that TorchRec's estimator computes with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.cost.torchrec.file import UNREAD

if TYPE_CHECKING:
    from shardplan.cost.torchrec.file import BandwidthsFile, KernelsFile, MemoryFile, TorchRecFile


@dataclass(frozen=True, slots=True)
class Bandwidths:
    """Bytes per second; see ``BandwidthsFile``."""

    hbm: float
    host_link: float
    ssd: float
    intra_host: float
    inter_host: float


@dataclass(frozen=True, slots=True)
class Kernels:
    """Factors and widths; see ``KernelsFile``."""

    full_block_columns: int
    half_block_penalty: float
    quarter_block_penalty: float
    backward_factor: float
    weighted_backward_factor: float
    weighted_kernel_factor: float
    dense_rate: float
    uvm_rate: float
    batched_copy_factor: float
    dense_update_factor: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, batches and copies; see ``MemoryFile``."""

    id_bytes: int
    cache_bytes_per_row: int
    cache_bytes_per_slot: int
    sparse_dist_batches: int
    prefetch_batches: int
    prefetch_burst: int
    kjt_copies: int


@dataclass(frozen=True, slots=True)
class TorchRecConstants:
    """All constants of the estimator."""

    bandwidths: Bandwidths
    kernels: Kernels
    memory: Memory


def constants_of(file: TorchRecFile, shipped: TorchRecFile) -> TorchRecConstants:
    """The constants of ``file``, with the sections of ``shipped`` where it has none.

    Raises ``ValueError`` where neither has a section.
    """
    bandwidths = file.bandwidths or shipped.bandwidths
    kernels = file.kernels or shipped.kernels
    memory = file.memory or shipped.memory
    if bandwidths is None or kernels is None or memory is None:
        raise ValueError(f"cost model {shipped.name} lacks a section")
    return TorchRecConstants(
        Bandwidths(**_values(bandwidths)), Kernels(**_values(kernels)), Memory(**_values(memory))
    )


def _values(section: BandwidthsFile | KernelsFile | MemoryFile) -> dict[str, Any]:
    names = (name for name in type(section).model_fields if name not in UNREAD)
    return {name: getattr(section, name).value for name in names}
