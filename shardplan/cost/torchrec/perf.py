"""TorchRec's estimate of a shard's seconds.

The formulas of torchrec 1.9.2, planner/estimator/estimator.py, as they are: no latency, no skew,
row shards all alike. There they take bytes per millisecond and give milliseconds; here it is
seconds. K is the number of shards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.sharding.kernel import KERNELS, Kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.torchrec.constants import Bandwidths, Kernels, TorchRecConstants
    from shardplan.cost.torchrec.shards import Ranks, ShardArrays, Values


@dataclass(frozen=True, slots=True)
class Wire:
    """(K,) each: bytes of an element in each collective, forward and backward."""

    all_to_all_forward: Values
    all_to_all_backward: Values
    reduce_scatter_forward: Values
    reduce_scatter_backward: Values


@dataclass(frozen=True, slots=True)
class ShardSeconds:
    """(K,) each: seconds of one step, by the names of TorchRec's ``Perf``."""

    fwd_compute: Values
    fwd_comms: Values
    bwd_compute: Values
    bwd_comms: Values
    """The gradients' way back; of data-parallel tables their all-reduce and update."""
    input_dist: Values
    """Of the ids; TorchRec does not count it (``Perf.total``)."""


def shard_seconds(
    shards: ShardArrays,
    ranks: Ranks,
    wire: Wire,
    device_bytes_per_second: Values,
    constants: TorchRecConstants,
) -> ShardSeconds:
    """What each shard costs its device; ``device_bytes_per_second`` is its kernel's."""
    kernels, links = constants.kernels, constants.bandwidths
    elements = shards.outputs_written(ranks) * shards.columns
    sent = elements * _element_bytes(shards, wire.all_to_all_forward, wire.reduce_scatter_forward)
    returned = elements * _element_bytes(
        shards, wire.all_to_all_backward, wire.reduce_scatter_backward
    )
    read = _bytes_read(shards, ranks, constants)
    forward = _penalty(shards, kernels) * (read + sent) / device_bytes_per_second
    weighted = kernels.backward_factor * kernels.weighted_backward_factor
    weighted += kernels.weighted_kernel_factor
    gradient = _comm(shards, ranks, links, returned, wire.all_to_all_backward)
    copy = kernels.batched_copy_factor * returned / device_bytes_per_second
    gradient += np.where(shards.is_row_wise | shards.is_in_group, copy, 0)
    gradient += _replica_update(shards, ranks, device_bytes_per_second, constants)
    return ShardSeconds(
        fwd_compute=forward,
        fwd_comms=_comm(shards, ranks, links, sent, wire.all_to_all_forward),
        bwd_comms=gradient,
        bwd_compute=forward * np.where(shards.is_weighted, weighted, kernels.backward_factor),
        input_dist=_input_dist(shards, ranks, constants),
    )


def prefetch_seconds(
    shards: ShardArrays, ranks: Ranks, cache_misses: Values, links: Bandwidths
) -> Values:
    """(K,): seconds to fetch what caches miss; ``cache_misses`` counts the table's rows."""
    misses = cache_misses / shards.row_shards(ranks)
    seconds = misses * shards.columns * shards.element_bytes / links.host_link
    return np.where(shards.is_replicated, 0, seconds)


def kernel_bytes_per_second(
    kernel: NDArray[np.int8], load_factor: Values, prefetch: bool, constants: TorchRecConstants
) -> Values:
    """(K,): what a kernel reads in a second; ``kernel`` holds positions in ``KERNELS``.

    A cache is given the mean of HBM and host link by its size, not by its hits, at the UVM
    kernels' rate, unless it is filled ahead of time (``prefetch``).
    """
    links, kernels = constants.bandwidths, constants.kernels
    mean = load_factor * links.hbm + (1 - load_factor) * links.host_link
    rates = {
        Kernel.DENSE: kernels.dense_rate * links.hbm,
        Kernel.FUSED: links.hbm,
        Kernel.FUSED_UVM: kernels.uvm_rate * links.host_link,
        Kernel.FUSED_UVM_CACHING: links.hbm if prefetch else kernels.uvm_rate * mean,
        Kernel.KEY_VALUE: links.ssd,
    }
    of_kernel = np.array([np.broadcast_to(rates[name], kernel.shape) for name in KERNELS])
    return of_kernel[kernel, np.arange(len(kernel))]


def _bytes_read(shards: ShardArrays, ranks: Ranks, constants: TorchRecConstants) -> Values:
    """(K,): the ids, with a weight each where weighted, and the rows that they name."""
    ids = shards.ids_received(ranks)
    id_bytes = np.ceil(ids * constants.memory.id_bytes) * np.where(shards.is_weighted, 2, 1)
    least = np.where(shards.is_whole, constants.kernels.full_block_columns // 4, 0)
    return id_bytes + ids * np.maximum(shards.columns, least) * shards.element_bytes


def _penalty(shards: ShardArrays, kernels: Kernels) -> Values:
    full = kernels.full_block_columns
    return np.select(
        [~shards.is_whole | (shards.columns >= full), shards.columns >= full // 2],
        [1, kernels.half_block_penalty],
        kernels.quarter_block_penalty,
    ).astype(np.float64)


def _element_bytes(shards: ShardArrays, all_to_all: Values, reduce_scatter: Values) -> Values:
    """(K,): bytes of an element of the output, in the collective that carries it."""
    sent_whole = shards.is_whole | (shards.is_row_wise & ~shards.is_pooled)
    return np.select(
        [shards.is_replicated, sent_whole], [shards.element_bytes, all_to_all], reduce_scatter
    )


def _link(links: Bandwidths, world_size: int, local_world_size: int) -> float:
    return links.intra_host if world_size <= local_world_size else links.inter_host


def _comm(
    shards: ShardArrays, ranks: Ranks, links: Bandwidths, output_bytes: Values, all_to_all: Values
) -> Values:
    """(K,): the output's way to the samples' devices, or its gradient's way back."""
    everywhere = output_bytes / _link(links, ranks.world_size, ranks.local_world_size)
    group = ranks.group_size
    in_group = output_bytes / _link(links, group, min(group, ranks.local_world_size))
    if ranks.groups > 1:
        to_peers = shards.outputs * ranks.groups * shards.columns * all_to_all
        in_group = in_group + to_peers / _link(links, ranks.groups, 1)
    return np.select([shards.is_replicated, shards.is_in_group], [0.0, in_group], everywhere)


def _replica_update(
    shards: ShardArrays, ranks: Ranks, device_bytes_per_second: Values, constants: TorchRecConstants
) -> Values:
    """(K,): all-reduce and update of data-parallel tables, always over the NICs of all devices."""
    table_bytes = shards.rows * shards.columns * shards.element_bytes
    nodes = min(ranks.world_size / ranks.local_world_size, 2)
    reduce = table_bytes * (2 * nodes - 1) / nodes
    reduce /= constants.bandwidths.inter_host * ranks.local_world_size
    if ranks.world_size > 2 * ranks.local_world_size:
        reduce *= 2
    update = constants.kernels.dense_update_factor * table_bytes / device_bytes_per_second
    return np.where(shards.is_replicated, reduce + update, 0)


def _input_dist(shards: ShardArrays, ranks: Ranks, constants: TorchRecConstants) -> Values:
    sent = np.ceil(shards.ids * ranks.world_size * constants.memory.id_bytes)
    seconds = sent / _link(constants.bandwidths, ranks.world_size, ranks.local_world_size)
    return np.where(shards.is_replicated, 0, seconds)
