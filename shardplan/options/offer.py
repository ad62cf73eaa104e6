"""Which kernels are offered to the tables of a problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.sharding.kernel import KERNELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.sharding.kernel import Kernel
    from shardplan.workload.optimizers.optimizer import Optimizer

_SCARCE = 2
"""Caches are offered from this many times the tables' bytes downwards, and copies of hot rows
upwards."""
_MOST_COPIES = 512
"""Numbers of hot rows of all tables: beside units that do not land everywhere each has a row of its
own in programs, and is counted by every step of a search."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The kernels that tables may use."""

    kernels: frozenset[Kernel]
    """All that run."""
    on_request: frozenset[Kernel] = frozenset()
    """Of these, what only tables may use whose constraints name it."""
    missing: tuple[tuple[Kernel, str], ...] = ()
    """The other kernels, and why there is none of each."""
    hot_rows: bool = True
    """Whether the cost model prices rows that every device holds beside its part of the others."""
    copies_fault: str = ""
    """Why such rows of tables that lie on some devices are kept where asked for alone; with
    nothing where they are kept unasked, too."""

    @property
    def unasked(self) -> frozenset[Kernel]:
        """What a plain table may use whose constraints name no kernel."""
        asked = self.on_request
        return frozenset(k for k in self.kernels if k not in asked and not k.is_dynamic)


def make_offer(
    known: frozenset[Kernel],
    optimizer: Optimizer,
    free_bytes: tuple[float, float, float],
    table_bytes: float,
    *,
    hot_rows: bool = True,
    copied_bytes: Sequence[float] = (),
) -> Offer:
    """Offer what runs, and caches unasked only where memory is scarce.

    ``known`` are the kernels that the cost model predicts, ``free_bytes`` what all devices and
    nodes offer of HBM, DDR and SSD together, ``table_bytes`` all tables wholly in one tier;
    ``hot_rows`` says whether the cost model prices those; ``copied_bytes`` has of each number of
    them of each table what all devices together would set aside for copies.

    A table wholly in the nearer tier costs less time than any cache of it. Where all tables take
    less than half of that tier, there is room for each, whatever else a plan balances: caches would
    only make the problem larger.
    """
    hbm, ddr, ssd = free_bytes
    missing = []
    for kernel in KERNELS:
        if kernel not in known:
            missing.append((kernel, "the cost model has no figures of it"))
        elif kernel.needs_ddr and ddr <= 0:
            missing.append((kernel, "no DDR is free on the nodes"))
        elif kernel.is_on_ssd and ssd <= 0:
            missing.append((kernel, "no SSD is free on the nodes"))
        elif kernel.is_on_ssd and not optimizer.trains_from_ssd:
            missing.append((kernel, f"{optimizer} cannot train rows on SSD"))
    kernels = known - {kernel for kernel, _ in missing}
    on_request = frozenset(
        kernel
        for kernel in kernels
        if kernel.caches and _SCARCE * table_bytes <= (hbm + ddr if kernel.is_on_ssd else hbm)
    )
    copies_fault = _copies_fault(copied_bytes, table_bytes, hbm)
    return Offer(kernels, on_request, tuple(missing), hot_rows, copies_fault)


def _copies_fault(copied_bytes: Sequence[float], table_bytes: float, hbm: float) -> str:
    if _SCARCE * (table_bytes + sum(copied_bytes)) > hbm:
        return "HBM is too scarce to set room aside for copies of hot rows on every device"
    if len(copied_bytes) > _MOST_COPIES:
        return f"there are more than {_MOST_COPIES:,} numbers of hot rows to choose from"
    return ""
