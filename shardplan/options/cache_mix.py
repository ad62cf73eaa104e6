"""The options that a cache of a given size lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cache_mix(
    hbm_share: NDArray[np.float64], ddr_share: NDArray[np.float64], hbm: float, ddr: float
) -> NDArray[np.float64]:
    """(n,): proportions of n options of one blend that make up caches of these shares of rows.

    Between neighbouring sizes costs are straight in what HBM holds, and in what HBM and DDR hold
    together. Sizes beyond the least and the largest are taken as these; where the options on both
    sides are not all there, the nearest one stands for the size.
    """
    both_share = hbm_share + ddr_share
    low, high, over = _between(hbm_share, hbm)
    less, more, beyond = _between(both_share, hbm + ddr)
    wanted = (
        (low, less, 1 - max(over, beyond)),
        (high, less, max(0.0, over - beyond)),
        (low, more, max(0.0, beyond - over)),
        (high, more, min(over, beyond)),
    )
    mix = np.zeros(len(hbm_share))
    for in_hbm, in_both, weight in wanted:
        here = np.isclose(hbm_share, in_hbm) & np.isclose(both_share, in_both)
        if weight > 0 and not here.any():
            return _nearest(hbm_share - hbm, ddr_share - ddr)
        if weight > 0:
            mix[int(here.argmax())] += weight
    return mix


def _between(levels: NDArray[np.float64], size: float) -> tuple[float, float, float]:
    """The levels below and above a size, and the share of the way from one to the other."""
    below, above = levels[levels <= size], levels[levels > size]
    low = float(below.max()) if len(below) else float(levels.min())
    high = float(above.min()) if len(above) else low
    return low, high, max(0.0, (size - low) / (high - low)) if high > low else 0.0


def _nearest(*off: NDArray[np.float64]) -> NDArray[np.float64]:
    mix = np.zeros(len(off[0]))
    mix[int(np.sum(np.square(off), axis=0).argmin())] = 1.0
    return mix
