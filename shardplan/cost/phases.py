"""The phases that cost models predict and the executor measures: their names, once."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from shardplan.cost.part import Part
from shardplan.cost.phase import Phase
from shardplan.workload.pipeline.cover import Cover

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_COLLECTIVES = ("scale_up", "scale_out")
_LAYERS = ("gemm", "elementwise")

INGEST = Phase(
    "ingest",
    "samples come into the nodes from outside, ahead of the step",
    Cover.DATA_LOADING,
    Part.INPUT,
)
IDS_COMM = Phase(
    "ids_comm",
    "all-to-all of the ids and lengths to the devices that hold the rows",
    Cover.BATCH_BEFORE,
    part=Part.NETWORK,
    rests_on=_COLLECTIVES,
)
PREFETCH = Phase(
    "prefetch",
    "rows of the batch are brought into the caches in HBM",
    Cover.BATCH_BEFORE,
    rests_on=("cache",),
)
LOOKUP_FORWARD = Phase("lookup_forward", "rows are looked up and pooled")
OUTPUT_COMM = Phase(
    "output_comm",
    "pooled outputs travel to the devices of their samples",
    part=Part.NETWORK,
    rests_on=_COLLECTIVES,
)
GRADIENT_COMM = Phase(
    "gradient_comm",
    "gradients of the outputs travel back",
    part=Part.NETWORK,
    rests_on=_COLLECTIVES,
)
UPDATE_BACKWARD = Phase(
    "update_backward",
    "gradients are summed by row, the optimizer updates the rows",
    rests_on=("update_backward", "dense_update"),
)
ALL_REDUCE = Phase(
    "all_reduce",
    "gradients of data-parallel tables are summed over all devices",
    part=Part.NETWORK,
    rests_on=_COLLECTIVES,
)
REPLICA_SYNC = Phase(
    "replica_sync",
    "replicas of a shard are averaged over the groups of devices that hold all tables",
    part=Part.NETWORK,
    rests_on=_COLLECTIVES,
)
OVERHEAD = Phase(
    "overhead", "what the framework spends while nothing else goes on", part=Part.FRAMEWORK
)
HOST = Phase(
    "host",
    "the host launches the kernels of its device, and distributes ids",
    Cover.DEVICES,
    Part.FRAMEWORK,
)
DENSE = Phase(
    "dense",
    "the rest of the model, forward and backward: a constant of the spec",
    part=Part.DENSE,
)
"""No placement changes it; it is told beside the phases, and measured like one."""
DENSE_FORWARD = Phase(
    "dense_forward",
    "forward pass of the layers outside the tables",
    part=Part.DENSE,
    rests_on=_LAYERS,
)
DENSE_BACKWARD = Phase(
    "dense_backward",
    "backward pass of those layers, and the update of their parameters",
    part=Part.DENSE,
    rests_on=_LAYERS,
)
DENSE_OPTIMIZER = Phase(
    "dense_optimizer",
    "update of those parameters, where a pipeline tells it from the backward pass",
    part=Part.DENSE,
    rests_on=("elementwise",),
)
DENSE_ALL_REDUCE = Phase(
    "dense_all_reduce",
    "what the passes do not hide of summing the layers' gradients and gathering their weights",
    part=Part.DENSE,
    rests_on=_COLLECTIVES,
)
BACKWARD_PASS = frozenset({GRADIENT_COMM.name, UPDATE_BACKWARD.name})
"""Of the tables: all of the critical path before it is done when it begins."""
DENSE_PHASES = (DENSE_FORWARD, DENSE_BACKWARD, DENSE_ALL_REDUCE, DENSE_OPTIMIZER)
"""What ``dense`` is made of where it is predicted from layers."""

COVERED: Mapping[Cover, frozenset[str]] = {
    Cover.BACKWARD: BACKWARD_PASS,
    Cover.DENSE_BACKWARD: frozenset({DENSE_BACKWARD.name}),
    Cover.DENSE_OPTIMIZER: frozenset({DENSE_OPTIMIZER.name}),
}
"""Of the covers that are a part of the step, its phases."""


def cover_sets(used: Iterable[Cover | None]) -> tuple[frozenset[Cover], ...]:
    """What the phases of each chain of a step hide behind, of all covers that are used.

    The critical path, behind nothing, is first; then each cover, and parts of the step in all
    combinations.
    """
    there = frozenset(used)
    known = [cover for cover in Cover if cover in there]
    parts = [cover for cover in known if cover.is_part]
    several = (some for n in range(2, len(parts) + 1) for some in combinations(parts, n))
    return tuple(map(frozenset, [(), *((cover,) for cover in known), *several]))


def chain_of(behind: Mapping[str, Cover | None], covers: Collection[Cover]) -> frozenset[str]:
    """Of phases by what they hide behind, those of the chain of what hides behind the covers.

    Of none, that is the critical path. What hides behind a part of the step takes the place of it
    in the critical path; what hides behind other covers is a chain of its own.
    """
    own = {name for name, cover in behind.items() if cover in covers}
    if not all(cover.is_part for cover in covers):
        return frozenset(own)
    covered = frozenset[str]().union(*(COVERED[cover] for cover in covers))
    return frozenset(own.union(n for n, c in behind.items() if c is None and n not in covered))
