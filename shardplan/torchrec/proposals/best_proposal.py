"""The plan that TorchRec's planner would take, where it is better than one that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchrec.distributed.planner.partitioners import GreedyPerfPartitioner
from torchrec.distributed.planner.perf_models import NoopPerfModel
from torchrec.distributed.planner.types import PlannerError
from torchrec.distributed.planner.utils import reset_shard_rank
from torchrec.distributed.types import ShardingType

from shardplan.convert.from_torchrec.stated_table import StatedShard, StatedTable
from shardplan.torchrec.proposals.proposals import proposals

if TYPE_CHECKING:
    from torchrec.distributed.planner.types import ShardingOption, Topology

    from shardplan.solve.deadline import Deadline
    from shardplan.torchrec.proposals.search_space import SearchSpace

_LEAST_GAIN = 1e-9
"""Relatively: less is rounding."""


@dataclass(frozen=True, slots=True)
class BestProposal:
    """What became of the proposals."""

    tables: tuple[StatedTable, ...]
    """Of the best that was placed; none where none is better."""
    milliseconds: float
    """What it takes, or the plan that was known."""
    placed: int
    """How many were not known to be worse before they were placed."""
    is_complete: bool
    """Whether all were looked at, and not only those that there was time for."""


def best_proposal(
    space: SearchSpace, left: Topology, milliseconds: float, deadline: Deadline
) -> BestProposal:
    """The best of TorchRec's proposals that takes less than ``milliseconds``, as its default
    partitioner places them on what is ``left`` of the devices and its estimator rates them.

    Most are known to be no better before they are placed, which is what takes TorchRec's time.
    """
    partitioner, model = GreedyPerfPartitioner(), NoopPerfModel(topology=left)
    best: tuple[StatedTable, ...] = ()
    placed = 0
    for proposal in proposals(space):
        if deadline.is_over:
            return BestProposal(best, milliseconds, placed, is_complete=False)
        enough = milliseconds * (1 - _LEAST_GAIN)
        if space.least_milliseconds(proposal, left.world_size) >= enough:
            continue
        if not space.may_fit(proposal, left):
            continue
        options, placed = space.chosen(proposal), placed + 1
        try:
            partitioner.partition(options, left)
            if (rating := model.rate(options)) < enough:
                milliseconds, best = rating, tuple(map(_stated, options))
        except PlannerError:
            pass
        reset_shard_rank(options)
    return BestProposal(best, milliseconds, placed, is_complete=True)


def _stated(option: ShardingOption) -> StatedTable:
    """With where its shards lie now."""
    shards = tuple(
        StatedShard(tuple(shard.offset), tuple(shard.size), shard.rank) for shard in option.shards
    )
    ranks = tuple(shard.rank for shard in shards)
    is_replicated = option.sharding_type == ShardingType.DATA_PARALLEL.value
    return StatedTable(
        option.path,
        option.name,
        option.sharding_type,
        option.compute_kernel,
        ranks,
        () if is_replicated else shards,
        load_factor=option.cache_load_factor,
    )
