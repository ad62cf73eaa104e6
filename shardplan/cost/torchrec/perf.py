"""TorchRec's estimate of a shard's seconds.

The formulas of torchrec 1.9.2, planner/estimator/estimator.py, as they are: no latency, no skew,
row shards all alike. There they take bytes per millisecond and give milliseconds; here it is
seconds. K is the number of shards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.output_route import OutputRoute
from shardplan.sharding.kernel import KERNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.torchrec.constants import Bandwidths, Kernels, TorchRecConstants
    from shardplan.cost.torchrec.shards import ShardArrays, Values
    from shardplan.sharding.world import World


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
    world: World,
    wire: Wire,
    device_bytes_per_second: Values,
    constants: TorchRecConstants,
) -> ShardSeconds:
    """What each shard costs its device; ``device_bytes_per_second`` is its kernel's."""
    kernels, links = constants.kernels, constants.bandwidths
    elements = shards.outputs_written(world) * shards.columns
    sent = elements * _element_bytes(shards, wire.all_to_all_forward, wire.reduce_scatter_forward)
    returned = elements * _element_bytes(
        shards, wire.all_to_all_backward, wire.reduce_scatter_backward
    )
    read = _bytes_read(shards, world, constants)
    forward = _penalty(shards, kernels) * (read + sent) / device_bytes_per_second
    weighted = kernels.backward_factor * kernels.weighted_backward_factor
    weighted += kernels.weighted_kernel_factor
    gradient = _comm(shards, world, links, returned, wire.all_to_all_backward)
    copy = kernels.batched_copy_factor * returned / device_bytes_per_second
    gradient += np.where(shards.is_row_wise | shards.is_in_group, copy, 0)
    gradient += _replica_update(shards, world, device_bytes_per_second, constants)
    return ShardSeconds(
        fwd_compute=forward,
        fwd_comms=_comm(shards, world, links, sent, wire.all_to_all_forward),
        bwd_comms=gradient,
        bwd_compute=forward * np.where(shards.is_weighted, weighted, kernels.backward_factor),
        input_dist=_input_dist(shards, world, constants),
    )


def prefetch_seconds(
    shards: ShardArrays, world: World, cache_misses: Values, links: Bandwidths
) -> Values:
    """(K,): seconds to fetch what caches miss; ``cache_misses`` counts the table's rows."""
    misses = cache_misses / shards.row_shards(world)
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
    return np.select(
        [
            KERNELS.each(lambda each: each.is_plain, kernel),
            KERNELS.each(lambda each: each.is_on_ssd, kernel),
            KERNELS.each(lambda each: each.caches_ddr, kernel),
            KERNELS.each(lambda each: each.reads_ddr, kernel),
        ],
        [
            kernels.dense_rate * links.hbm,
            links.ssd,
            links.hbm if prefetch else kernels.uvm_rate * mean,
            kernels.uvm_rate * links.host_link,
        ],
        links.hbm,
    )


def _bytes_read(shards: ShardArrays, world: World, constants: TorchRecConstants) -> Values:
    """(K,): the ids, with a weight each where weighted, and the rows that they name."""
    ids = shards.ids_received(world)
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


def _link(links: Bandwidths, world: World) -> float:
    return links.intra_host if world.nodes == 1 else links.inter_host


def _comm(
    shards: ShardArrays, world: World, links: Bandwidths, output_bytes: Values, all_to_all: Values
) -> Values:
    """(K,): the output's way to the samples' devices, or its gradient's way back."""
    everywhere = output_bytes / _link(links, world)
    in_group = output_bytes / links.intra_host
    if world.nodes > 1:
        to_peers = shards.outputs * world.nodes * shards.columns * all_to_all
        in_group = in_group + to_peers / links.inter_host
    by_route = {
        OutputRoute.WHOLE_ROWS: everywhere,
        OutputRoute.ROWS_OF_ALL: everywhere,
        OutputRoute.ROWS_OF_NODE: in_group,
    }
    return np.select([shards.takes(route) for route in by_route], [*by_route.values()], 0.0)


def _replica_update(
    shards: ShardArrays, world: World, device_bytes_per_second: Values, constants: TorchRecConstants
) -> Values:
    """(K,): all-reduce and update of data-parallel tables, always over the NICs of all devices."""
    table_bytes = shards.rows * shards.columns * shards.element_bytes
    nodes = min(world.size / world.devices_per_node, 2)
    reduce = table_bytes * (2 * nodes - 1) / nodes
    reduce /= constants.bandwidths.inter_host * world.devices_per_node
    if world.size > 2 * world.devices_per_node:
        reduce *= 2
    update = constants.kernels.dense_update_factor * table_bytes / device_bytes_per_second
    return np.where(shards.is_replicated, reduce + update, 0)


def _input_dist(shards: ShardArrays, world: World, constants: TorchRecConstants) -> Values:
    sent = np.ceil(shards.ids * world.size * constants.memory.id_bytes)
    seconds = sent / _link(constants.bandwidths, world)
    return np.where(shards.is_replicated, 0, seconds)
