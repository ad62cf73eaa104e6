"""What placing items again moves, and how much may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement


@dataclass(frozen=True, slots=True)
class RelocationLimit:
    """What placing items again moves, in bytes, and the most that may."""

    limit_bytes: float
    least: NDArray[np.float64]
    """(O,): when an option is chosen, wherever its units land."""
    most: NDArray[np.float64]
    """(O,): the same at the worst places."""
    count: Callable[[Placement], NDArray[np.float64]]
    """(I,): what each item of a placement moves."""
    of_unit: Callable[[NDArray[np.int64]], NDArray[np.float64]]
    """(n, D): what one unit of each of (n,) options moves onto each device that it lands on, at
    least: of several units each as if it were the only one."""
