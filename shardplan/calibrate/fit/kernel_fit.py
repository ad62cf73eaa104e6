"""From measured times of a fused kernel to the rates of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.calibrate.fit.kernel_terms import RATES, kernel_terms
from shardplan.calibrate.fit.relative_fit import relative_fit
from shardplan.cost.profile.profile import LookupRates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.measurements.table_set import TableSet
    from shardplan.workload.optimizers.optimizer import Optimizer

CACHE_SIZES = tuple(2**power for power in range(15, 28))
"""Sizes that an on-chip cache is tried with, in bytes: 32 KiB to 128 MiB."""


@dataclass(frozen=True, slots=True)
class KernelFit:
    """A fused kernel's rates, all non-negative, and the cache and page that they are for."""

    launch_seconds: float
    rates: LookupRates
    cache_bytes: int
    page_bytes: int
    optimizer: Optimizer | None = None

    def seconds(self, sets: Sequence[TableSet]) -> NDArray[np.float64]:
        """(sets,): predicted."""
        terms = kernel_terms(sets, self.cache_bytes, self.page_bytes, self.optimizer)
        rates = np.array([getattr(self.rates, name) for name in RATES])
        found: NDArray[np.float64] = self.launch_seconds + terms @ rates
        return found


def fit_kernel(
    sets: Sequence[TableSet],
    seconds: NDArray[np.float64],
    page_bytes: int,
    cache_sizes: Iterable[int] = CACHE_SIZES,
    optimizer: Optimizer | None = None,
) -> KernelFit:
    """The non-negative rates, and the cache, that predict ``seconds`` of ``sets`` best.

    Least mean relative error; ties go to the smaller cache. ``page_bytes`` of 0 leaves the terms of
    gathering out.
    """
    best: tuple[float, KernelFit] | None = None
    for cache_bytes in cache_sizes:
        terms = kernel_terms(sets, cache_bytes, page_bytes, optimizer)
        columns = np.column_stack([np.ones(len(sets)), terms])
        found = relative_fit(columns, seconds)
        error = float(np.abs(columns @ found / seconds - 1).mean())
        if best is None or error < best[0]:
            rates = LookupRates(**dict(zip(RATES, found[1:].tolist(), strict=True)))
            best = error, KernelFit(float(found[0]), rates, cache_bytes, page_bytes, optimizer)
    if best is None:
        raise ValueError("no cache size to try")
    return best[1]
