"""The stages of a step, as a placement problem has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Stages:
    """S stages in C chains: the longest chain is the objective, a chain is the sum of its stages'
    slowest devices and of its own seconds.
    """

    of_phase: NDArray[np.float64]
    """(P, S): 1 where a phase belongs to a stage."""
    in_chain: NDArray[np.bool_]
    """(S, C): whether a stage belongs to a chain; it may belong to several."""
    chain_seconds: NDArray[np.float64]
    """(C,): what each chain takes whatever the placement."""
    names: tuple[str, ...]
