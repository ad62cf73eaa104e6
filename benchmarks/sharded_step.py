"""A training step of sharded tables on CPU processes, in PyTorch's own operators."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist

from shardplan.calibrate.measure.exchange import all_gather, reduce_scatter
from shardplan.calibrate.measure.operators import EmbeddingTables, memory_elements
from shardplan.sharding.kind import ShardingType
from shardplan.workload.drawn.drawn_ids import draw_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from placements import Placement

    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload

PHASES = ("ids_comm", "lookup_forward", "output_comm", "gradient_comm", "update_backward")
_WARM_UPS, _STEPS = 1, 2
"""Of a placement in each round. Placements are timed in turn and again, so that what disturbs the
machine for a while does not disturb all steps of one of them."""
_FEWEST_ROUNDS = 4
_COMPUTED = ("lookup_forward", "update_backward")
"""Timed on the core, as a calibration times them; the others by what passes."""


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

    def __init__(
        self,
        workload: Workload,
        placement: Placement,
        rank: int,
        ids: Sequence[Sequence[Any]],
        memory: Any,
    ) -> None:
        """``ids`` of each rank's samples: (samples, pooling) of each table.

        ``memory`` is a vector that the tables of one placement after the other lie in.
        """
        self._ranks = ranks = len(ids)
        self._samples = workload.global_batch // ranks
        held = [_shards(workload.tables, placement, owner, ranks) for owner in range(ranks)]
        self._held = [_whole_first(shards) for shards in held]
        self._own = self._held[rank]
        self._messages = [_wanted(ids[rank], shards, self._samples) for shards in self._held]
        self._columns = [
            sum(shard.table.dim for shard in shards if not shard.is_partial)
            for shards in self._held
        ]
        tables = [shard.table for shard in self._own]
        self._whole = sum(not shard.is_partial for shard in self._own)
        whole, partial = tables[: self._whole], tables[self._whole :]
        self._whole_tables = EmbeddingTables(whole, "cpu", memory)
        rest = memory[memory_elements(whole) :]
        self._partial_tables = EmbeddingTables(partial, "cpu", rest)

    def step(self) -> Iterator[str]:
        """Distribute the ids, look up, return outputs, send their gradients back, update.

        Yields the name of each phase at its end.
        """
        bags = self._distribute()
        yield "ids_comm"
        whole_bags, partial_bags = bags[: self._whole], bags[self._whole :]
        outputs = sums = None
        if any(self._columns):
            batch = self._samples * self._ranks
            outputs = self._whole_tables.lookup(whole_bags) if whole_bags else torch.empty(batch, 0)
        if partial_bags:
            sums = self._partial_tables.lookup(partial_bags)
        yield "lookup_forward"
        if outputs is not None:
            received = self._to_samples(outputs)
        if sums is not None:
            own_sums = torch.empty(self._samples, sums.shape[1])
            reduce_scatter(own_sums, sums)
        yield "output_comm"
        if outputs is not None:
            gradients = self._to_owners(received, outputs)
        if sums is not None:
            all_gather(sums, own_sums)
        yield "gradient_comm"
        if whole_bags:
            self._whole_tables.update(whole_bags, gradients)
        if partial_bags:
            self._partial_tables.update(partial_bags, sums)
        yield "update_backward"

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

    def _distribute(self) -> list[tuple[Any, Any]]:
        """Bags of every own shard, for the whole batch, from the ids of each rank's samples."""
        parts = self._messages
        sizes = torch.tensor([part.numel() for part in parts])
        theirs = torch.empty_like(sizes)
        dist.all_to_all_single(theirs, sizes)
        received = torch.empty(int(theirs.sum()), dtype=torch.int64)
        dist.all_to_all_single(received, torch.cat(parts), theirs.tolist(), sizes.tolist())
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
    folder: str,
    workload: Workload,
    placements: Sequence[Placement],
    budget_seconds: float,
) -> None:
    """Time the phases of every placement's step in every round, while the budget lasts.

    Each rank writes its seconds, by round, placement and phase, to a file of its own.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # weights shrink step by step
    rendezvous = f"file://{folder}/rendezvous"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=ranks)
    ids = [_ids(workload, ranks, each) for each in range(ranks)]
    memory = torch.empty(memory_elements(workload.tables))
    sharded = [ShardedTables(workload, each, rank, ids, memory) for each in placements]
    seconds: list[list[list[float]]] = []
    started = time.perf_counter()
    while len(seconds) < _FEWEST_ROUNDS or _goes_on(started + budget_seconds):
        seconds.append([_least(each) for each in sharded])
    Path(folder, f"seconds.{rank}.json").write_text(json.dumps(seconds), encoding="utf-8")
    dist.destroy_process_group()


def _ids(workload: Workload, ranks: int, rank: int) -> list[Any]:
    """(samples, pooling) of each table: ids of the samples of one rank."""
    samples = workload.global_batch // ranks
    random = np.random.default_rng(rank)
    drawn = [draw_ids(t, samples * int(t.pooling), random) for t in workload.tables]
    return [torch.from_numpy(ids).view(samples, -1) for ids in drawn]


def _goes_on(end: float) -> bool:
    """Whether all ranks have time for another round."""
    late = torch.tensor([time.perf_counter() >= end], dtype=torch.int64)
    dist.all_reduce(late)
    return not late.item()


def _least(sharded: ShardedTables) -> list[float]:
    """Of a few steps the least seconds of each phase; what else runs only ever adds."""
    timed = [_timed(sharded) for _ in range(_WARM_UPS + _STEPS)]
    return [min(phase) for phase in zip(*timed[_WARM_UPS:], strict=True)]


def _timed(sharded: ShardedTables) -> list[float]:
    """Seconds of each phase on this rank, all ranks beginning it together."""
    seconds = []
    dist.barrier()
    passed, worked = time.perf_counter(), time.thread_time()
    for phase in sharded.step():
        by_clock, on_core = time.perf_counter() - passed, time.thread_time() - worked
        seconds.append(on_core if phase in _COMPUTED else by_clock)
        dist.barrier()
        passed, worked = time.perf_counter(), time.thread_time()
    return seconds
