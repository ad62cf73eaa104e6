"""The mixes of a placement as options of their own: a problem without mixtures around it.

A search sees options one by one. Where a placement mixes them, as sizes of caches are mixed, every
mix becomes one more option of its item, so that the search goes on from the placement as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from shardplan.solve.problem.placement import Placement

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem

_MIX = -1
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Concrete:
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
            plain = problem if problem.blend is None else replace(problem, blend=None)
            return cls(plain, placement, placement, np.arange(problem.option_count), problem)
        ends = problem.option_offsets[1:]

        def with_own(per_option: NDArray[_Number]) -> NDArray[_Number]:
            return np.insert(per_option, ends, per_option[placement.option], axis=0)

        def with_mix(per_option: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.insert(per_option, ends, placement.of_items(problem, per_option), axis=0)

        offsets = problem.option_offsets + np.arange(problem.item_count + 1)
        moves, spill = problem.move_bytes, problem.spill_seconds
        concrete = replace(
            problem,
            option_offsets=offsets,
            shape=with_own(problem.shape),
            units=with_own(problem.units),
            load_seconds=with_mix(problem.load_seconds),
            spill_seconds=None if spill is None else with_mix(spill),
            device_bytes=with_mix(problem.device_bytes),
            node_bytes=with_mix(problem.node_bytes),
            domain=with_own(problem.domain),
            blend=None,
            move_bytes=None if moves is None else with_mix(moves[:, None])[:, 0],
        )
        start = Placement(offsets[1:] - 1, placement.unit_offsets, placement.targets)
        option = np.insert(np.arange(problem.option_count), ends, _MIX)
        return cls(concrete, start, placement, option, problem)

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
