"""Collectives across nodes as others measured them, on machines that are shipped.

None of these set a figure of the machine or the cost model that predicts it.
"""

from __future__ import annotations

from dataclasses import dataclass

from shardplan.topology.collective import Collective

MIB = 2**20
_US = 1e-6


_P4D = "p4d over EFA, NVIDIA/nccl issue 527"


@dataclass(frozen=True)
class Measured:
    """One run of nccl-tests."""

    topology: str
    cost_model: str
    nodes: int
    collective: Collective
    size_bytes: float
    seconds: float
    source: str
    sharp: bool = False
    """Whether the network's switches were known to sum."""


def _rows(topology, cost_model, nodes, collective, source, points):
    return [
        Measured(topology, cost_model, nodes, collective, size * MIB, us * _US, source)
        for size, us in points.items()
    ]


MEASURED = [
    *_rows(
        "dgx-h100", "h100", 16, Collective.ALL_REDUCE,
        "128 H100, NVIDIA/nccl issue 1469", {2**-17: 62.0},
    ),
    *_rows(
        "dgx-h100", "h100", 8, Collective.ALL_TO_ALL,
        "64 H800, NVIDIA/nccl issue 1531", {8: 337.8},
    ),
    *_rows("aws-p4d", "a100", 2, Collective.ALL_REDUCE, _P4D, {1024: 35215}),
    *_rows("aws-p4d", "a100", 3, Collective.ALL_REDUCE, _P4D, {1024: 64782}),
    *_rows("aws-p4d", "a100", 4, Collective.ALL_REDUCE, _P4D, {1024: 70253}),
]  # fmt: skip
