"""The phases that cost models predict and the executor measures: their names, once."""

from __future__ import annotations

from shardplan.cost.part import Part
from shardplan.cost.phase import Cover, Phase

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
DENSE_ALL_REDUCE = Phase(
    "dense_all_reduce",
    "what the passes do not hide of summing the layers' gradients and gathering their weights",
    part=Part.DENSE,
    rests_on=_COLLECTIVES,
)
BACKWARD_PASS = frozenset({GRADIENT_COMM.name, UPDATE_BACKWARD.name})
"""Of the tables: all of the critical path before it is done when it begins."""
DENSE_PHASES = (DENSE_FORWARD, DENSE_BACKWARD, DENSE_ALL_REDUCE)
"""What ``dense`` is made of where it is predicted from layers."""


def comes_before(name: str, cover: Cover | None) -> bool:
    """Whether what hides behind a cover begins only after a phase of the critical path."""
    return cover is Cover.BACKWARD and name not in BACKWARD_PASS
