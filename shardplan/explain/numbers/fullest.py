"""Where each tier of memory is fullest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.explain.numbers.explanation import TierUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_OF_NODES = ("ddr", "ssd")


@dataclass(frozen=True, slots=True)
class Fullest:
    """The device or node that holds most of a tier."""

    tier: str
    place: str
    """``rank 3``, ``node 0``."""
    use: TierUse


def fullest(plan: Plan, case: Case) -> Iterator[Fullest]:
    """HBM, and each tier of the nodes in which anything lies; of equals the first."""
    held = [[rank.memory_bytes[tier] for tier in range(3)] for rank in plan.prediction.ranks]
    of_ranks = np.array(held, dtype=np.int64)
    usable = case.capacity.usable_bytes
    rank = int(of_ranks[:, 0].argmax())
    yield Fullest("hbm", f"rank {rank}", TierUse(int(of_ranks[rank, 0]), int(usable[0])))
    of_nodes = of_ranks.reshape(case.topology.nodes, -1, 3).sum(axis=1)
    for tier, name in enumerate(_OF_NODES, start=1):
        node = int(of_nodes[:, tier].argmax())
        if of_nodes[node, tier]:
            use = TierUse(int(of_nodes[node, tier]), int(usable[tier]))
            yield Fullest(name, f"node {node}", use)
