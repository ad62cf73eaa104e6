"""A training step of sharded tables on CPU processes, in PyTorch's own operators."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist

from shardplan.calibrate.exchange import all_gather, reduce_scatter
from shardplan.calibrate.ids import draw_ids
from shardplan.calibrate.operators import EmbeddingTables
from shardplan.options.sharding_type import ShardingType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placements import Placement

    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload

_ROUNDS, _WARM_UPS, _STEPS = 12, 1, 2
"""Placements are timed in turn and again, so that what disturbs the machine for a while does not
disturb all steps of one of them."""


@dataclass(frozen=True, slots=True)
class _Shard:
    """What one rank holds of one table."""

    position: int
    table: Table
    """The shard as a table of its own."""
    first_row: int
    is_partial: bool
    """Row-wise: its outputs are summed with those of other ranks."""


class ShardedTables:
    """All tables under one placement, seen from one rank; every sample has ``pooling`` ids."""

    def __init__(self, workload: Workload, placement: Placement, rank: int, ranks: int) -> None:
        self._ranks = ranks
        self._samples = workload.global_batch // ranks
        held = [_shards(workload.tables, placement, owner, ranks) for owner in range(ranks)]
        self._held = [_whole_first(shards) for shards in held]
        self._own = self._held[rank]
        self._whole = sum(not shard.is_partial for shard in self._own)
        self._tables = [
            EmbeddingTables([shard.table for shard in part], "cpu") for part in self._parts()
        ]
        self._columns = [
            sum(shard.table.dim for shard in shards if not shard.is_partial)
            for shards in self._held
        ]

    def messages(self, ids: Sequence[Any]) -> list[Any]:
        """The own samples' ids, (samples, pooling) of each table, sorted by the rank they go to."""
        return [_wanted(ids, shards, self._samples) for shards in self._held]

    def step(self, messages: Sequence[Any]) -> None:
        """Distribute the ids, look up, return outputs, and send their gradients back."""
        bags = self._distribute(messages)
        whole_bags, partial_bags = bags[: self._whole], bags[self._whole :]
        whole, partial = self._tables
        batch = self._samples * self._ranks
        outputs = gradients = None
        if any(self._columns):
            outputs = whole.lookup(whole_bags) if whole_bags else torch.empty(batch, 0)
        sums = partial.lookup(partial_bags) if partial_bags else None
        received = None if outputs is None else self._to_samples(outputs)
        if sums is not None:
            own_sums = torch.empty(self._samples, sums.shape[1])
            reduce_scatter(own_sums, sums)
        if received is not None:
            gradients = self._to_owners(received, outputs)
        if sums is not None:
            all_gather(sums, own_sums)
        if whole_bags:
            whole.update(whole_bags, gradients)
        if partial_bags:
            partial.update(partial_bags, sums)

    def _parts(self) -> tuple[list[_Shard], list[_Shard]]:
        return self._own[: self._whole], self._own[self._whole :]

    def _to_samples(self, outputs: Any) -> Any:
        """Rows of the batch go to the rank of their samples, with all columns of this rank."""
        received = torch.empty(self._samples * sum(self._columns))
        splits = [self._samples * columns for columns in self._columns]
        own = self._samples * outputs.shape[1]
        dist.all_to_all_single(received, outputs.reshape(-1), splits, [own] * self._ranks)
        return received

    def _to_owners(self, received: Any, outputs: Any) -> Any:
        gradients = torch.empty_like(outputs)
        splits = [self._samples * columns for columns in self._columns]
        own = self._samples * outputs.shape[1]
        dist.all_to_all_single(gradients.view(-1), received, [own] * self._ranks, splits)
        return gradients

    def _distribute(self, parts: Sequence[Any]) -> list[tuple[Any, Any]]:
        """Bags of every own shard, for the whole batch, from the ids of each rank's samples."""
        sizes = torch.tensor([part.numel() for part in parts])
        theirs = torch.empty_like(sizes)
        dist.all_to_all_single(theirs, sizes)
        received = torch.empty(int(theirs.sum()), dtype=torch.int64)
        dist.all_to_all_single(received, torch.cat(list(parts)), theirs.tolist(), sizes.tolist())
        per_source = [self._unpacked(part) for part in received.split(theirs.tolist())]
        bags = []
        for position in range(len(self._own)):
            own_ids = torch.cat([source[position][0] for source in per_source])
            lengths = torch.cat([source[position][1] for source in per_source])
            bags.append((own_ids, lengths.cumsum(0) - lengths))
        return bags

    def _unpacked(self, received: Any) -> list[tuple[Any, Any]]:
        """Ids and lengths of every own shard from one rank's message."""
        count = len(self._own)
        lengths = received[: count * self._samples].view(count, self._samples)
        ids = received[count * self._samples :].split(lengths.sum(dim=1).tolist())
        return list(zip(ids, lengths, strict=True))


def _wanted(ids: Sequence[Any], shards: Sequence[_Shard], samples: int) -> Any:
    """The message to a rank: lengths of all its shards, then their ids."""
    lengths, chosen = [], []
    for shard in shards:
        of_table = ids[shard.position]
        if shard.is_partial:
            local = of_table - shard.first_row
            inside = (local >= 0) & (local < shard.table.rows)
            lengths.append(inside.sum(dim=1))
            chosen.append(local[inside])
        else:
            lengths.append(torch.full((samples,), of_table.shape[1]))
            chosen.append(of_table.reshape(-1))
    return torch.cat([*lengths, *chosen]) if shards else torch.empty(0, dtype=torch.int64)


def _shards(tables: Sequence[Table], placement: Placement, rank: int, ranks: int) -> list[_Shard]:
    found = []
    for position, (table, place) in enumerate(zip(tables, placement, strict=True)):
        match place.sharding_type:
            case ShardingType.TABLE_WISE if place.rank == rank:
                found.append(_Shard(position, table, 0, False))
            case ShardingType.COLUMN_WISE:
                found.append(_Shard(position, replace(table, dim=table.dim // ranks), 0, False))
            case ShardingType.ROW_WISE:
                edges = [-(-table.rows // ranks) * cut for cut in range(ranks)] + [table.rows]
                first, end = list(pairwise(edges))[rank]
                found.append(_Shard(position, replace(table, rows=end - first), first, True))
    return found


def _whole_first(shards: list[_Shard]) -> list[_Shard]:
    return sorted(shards, key=lambda shard: shard.is_partial)


def run(
    rank: int,
    ranks: int,
    rendezvous: str,
    workload: Workload,
    placements: Sequence[Placement],
    result: str,
) -> None:
    """Time a step of every placement in every round.

    Rank 0 writes the seconds, by round and placement, to the file ``result``.
    """
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    samples = workload.global_batch // ranks
    random = np.random.default_rng(rank)
    ids = [
        torch.from_numpy(draw_ids(table, samples * int(table.pooling), random)).view(samples, -1)
        for table in workload.tables
    ]
    seconds: list[list[float]] = []
    for _ in range(_ROUNDS):
        seconds.append([])
        for placement in placements:
            tables = ShardedTables(workload, placement, rank, ranks)
            messages = tables.messages(ids)
            timed = [_timed(tables, messages) for _ in range(_WARM_UPS + _STEPS)]
            seconds[-1].append(min(timed[_WARM_UPS:]))
    if rank == 0:
        with open(result, "w", encoding="utf-8") as file:
            json.dump(seconds, file)
    dist.destroy_process_group()


def _timed(tables: ShardedTables, messages: Sequence[Any]) -> float:
    dist.barrier()
    started = time.perf_counter()
    tables.step(messages)
    seconds = torch.tensor([time.perf_counter() - started], dtype=torch.float64)
    dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
    return float(seconds.item())
