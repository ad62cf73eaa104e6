"""What the caches of options make of their readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.readings import Readings
    from shardplan.options.option_set import OptionSet


@dataclass(frozen=True, eq=False, slots=True)
class CachedReads:
    """What caches do for whole readings, as arrays of length O."""

    missed_rows: NDArray[np.float64]
    ssd_rows: NDArray[np.float64]
    hit_rates: NDArray[np.float64]
    ddr_hit_rates: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        readings: Readings,
        reading: NDArray[np.int32],
        options: OptionSet,
        evicts_seldom: NDArray[np.bool_],
    ) -> CachedReads:
        """The caches in HBM and DDR hold different rows, so that together they act as one."""
        missed, on_ssd = np.zeros(len(options)), np.zeros(len(options))
        hits = np.minimum(options.hbm_share, 1.0)
        below = np.ones(len(options))
        on_drives = options.has_kernel(lambda kernel: kernel.is_on_ssd)
        copied = options.has_kernel(lambda kernel: kernel.is_dynamic_part and not kernel.is_split)
        for is_cached, misses in (
            (options.has_kernel(lambda kernel: kernel.caches_ddr), readings.misses),
            (on_drives, readings.misses_over_ssd),
            (copied & ~evicts_seldom, readings.misses_over_ssd),
            (copied & evicts_seldom, readings.misses_of_seldom),
        ):
            cached = np.flatnonzero(is_cached)
            share = hits[cached]
            missed[cached] = misses.missed_rows(reading[cached], share)
            hits[cached] = misses.hit_rates(reading[cached], share)
        stored = np.flatnonzero(on_drives)
        both = options.hbm_share[stored] + options.ddr_share[stored]
        on_ssd[stored] = readings.misses_over_ssd.missed_rows(reading[stored], both)
        below[stored] = readings.misses_over_ssd.hit_rates(reading[stored], both)
        return cls(missed, on_ssd, hits, below)
