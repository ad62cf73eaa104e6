"""The mixes of a placement as options of their own: a problem without mixtures around it.

A search sees options one by one. Where a placement mixes them, as sizes of caches are mixed, every
mix becomes one more option of its item, so that the search goes on from the placement as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement
from shardplan.solve.problem.variants import unmixed, with_mix

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem

_MIX = -1


@dataclass(frozen=True, slots=True)
class MixesAsOptions:
    """A problem without mixtures, and where a search around a placement begins in it."""

    problem: Problem
    start: Placement
    _mixed: Placement
    _option: NDArray[np.int64]
    """(O',): the option that each option is, or ``_MIX`` for what an item has now."""
    _whole: Problem

    @classmethod
    def of(cls, problem: Problem, placement: Placement) -> Self:
        """Every item's mix is the last of its options; without any, all stays as it is."""
        if placement.weights is None:
            every = np.arange(problem.option_count)
            return cls(unmixed(problem), placement, placement, every, problem)
        extended = with_mix(problem, placement.option, placement.weights)
        last = extended.option_offsets[1:] - 1
        start = Placement(last, placement.unit_offsets, placement.targets)
        option = np.insert(np.arange(problem.option_count), problem.option_offsets[1:], _MIX)
        return cls(extended, start, placement, option, problem)

    @property
    def source(self) -> NDArray[np.int64]:
        """(O',): the option that each option is, or that is mixed most in it."""
        own = self._mixed.option[self.problem.item_of_option]
        found: NDArray[np.int64] = np.where(self._option == _MIX, own, self._option)
        return found

    def position_of(self, option: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,): where the (n,) options of the whole problem are in the one without mixtures."""
        return np.flatnonzero(self._option != _MIX)[option]

    def allowed(self, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(O',): the ``allowed`` (O,) options, and what every item has now."""
        own = self._option == _MIX
        found: NDArray[np.bool_] = np.where(own, True, allowed[self._option])
        found[self.start.option] = True
        return found

    def placement(self, found: Placement) -> Placement:
        """What a placement of the problem without mixtures stands for."""
        weights = self._mixed.weights
        if weights is None:
            return found
        option = self._option[found.option]
        kept = option == _MIX
        option = np.where(kept, self._mixed.option, option)
        whole = self._whole
        mixed = np.where(kept[whole.item_of_option], weights, 0.0)
        mixed[option[~kept]] = 1.0
        return Placement(option, found.unit_offsets, found.targets, mixed)
