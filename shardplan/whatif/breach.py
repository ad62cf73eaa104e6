"""A memory that would have to hold more than it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.file.rounding import whole_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case


@dataclass(frozen=True, slots=True)
class Breach:
    """One device or node that overflows."""

    owner: str
    """``rank 3`` or ``node 0``."""
    tier: str
    needs_bytes: int
    usable_bytes: int
    """After the reserve."""


def breaches_of(case: Case, rank_bytes: NDArray[np.float64]) -> tuple[Breach, ...]:
    """Every memory that holds more than is usable; ``rank_bytes`` is (W, 3), the base in it."""
    usable = case.capacity.usable_bytes
    by_node = rank_bytes.reshape(case.topology.nodes, -1, rank_bytes.shape[1]).sum(axis=1)
    held = (
        ("rank", "hbm", rank_bytes[:, 0]),
        ("node", "ddr", by_node[:, 1]),
        ("node", "ssd", by_node[:, 2]),
    )
    return tuple(
        Breach(f"{owner} {number}", tier, whole_bytes(float(used[number])), int(usable[position]))
        for position, (owner, tier, used) in enumerate(held)
        # A byte of slack per rank: recorded counts are rounded up to whole bytes.
        for number in np.flatnonzero(used > usable[position] + len(rank_bytes)).tolist()
    )
