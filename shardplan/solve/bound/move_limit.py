"""What a placement may move, as a row of the relaxations: whatever it gains, it moves little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.program.program import ProgramBuilder


@dataclass(frozen=True, slots=True)
class MoveLimit:
    """The most bytes that may move in all, and the least that each option moves."""

    limit_bytes: float
    least_bytes: NDArray[np.float64]
    """(O,): when an option is chosen, wherever its units land."""

    def take(self, options: NDArray[np.bool_] | NDArray[np.int64]) -> MoveLimit:
        """The same for the problem of some options, a mask (O,) or numbers."""
        return MoveLimit(self.limit_bytes, self.least_bytes[options])

    def add_to(self, build: ProgramBuilder, y: NDArray[np.int64]) -> None:
        """All moves fit into the limit; ``y`` (O,) are the columns of the options' shares."""
        if not np.isfinite(self.limit_bytes):
            return
        scale = max(self.limit_bytes, 1.0)
        row = build.add_rows("moves", [np.array([0])], upper=self.limit_bytes / scale)
        build.add_entries(row, y, self.least_bytes / scale)
