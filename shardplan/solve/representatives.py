"""One option of each blend: a small problem for choosing between blends.

Where options can be mixed there are many of them, and a choice among all is slow. Within a blend
the relaxation knows which one pays best at its prices of memory; of a choice made among these few
only the proportions are left to find, by the search and by ``mixing``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.problem import Problem
    from shardplan.solve.relaxation import Relaxation


@dataclass(frozen=True)
class Representatives:
    """A problem without mixtures; the problem itself where nothing can be mixed."""

    problem: Problem
    option: NDArray[np.int64]
    """(O',): the option of the whole problem that each option is."""

    @classmethod
    def of(cls, problem: Problem, relaxation: Relaxation) -> Self:
        """The options of least reduced cost, and of these the ones used most."""
        if not problem.mixable.any():
            return cls(problem, np.arange(problem.option_count))
        order = np.lexsort((-relaxation.share, relaxation.reduced_cost, problem.blends))
        first = np.unique(problem.blends[order], return_index=True)[1]
        option = np.sort(order[first])
        counts = np.bincount(problem.item_of_option[option], minlength=problem.item_count)
        few = replace(
            problem,
            option_offsets=np.concatenate([[0], np.cumsum(counts)]),
            shape=problem.shape[option],
            units=problem.units[option],
            load_seconds=problem.load_seconds[option],
            device_bytes=problem.device_bytes[option],
            node_bytes=problem.node_bytes[option],
            domain=problem.domain[option],
            blend=None,
        )
        return cls(few, option)
