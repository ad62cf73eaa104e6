"""How the gradients of data-parallel tables are summed over devices."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from shardplan.units import exact_fraction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm


@dataclass(frozen=True, slots=True)
class Reduction:
    """The all-reduce of data-parallel tables, exact or sparsified.

    Sparsified, each device sends of what is to be summed the ``top_k`` share that is largest, as
    pairs of a number and its place, and adds what it did not send to what it has the next time
    (error feedback: Stich et al., "Sparsified SGD with memory", NeurIPS 2018). Where sums are
    completed inside a node first, it is that sum of which the largest numbers cross: summed, the
    numbers of several devices would no longer be few.
    """

    algorithm: ReductionAlgorithm = ReductionAlgorithm.FLAT
    top_k: float | None = None
    """Share of the numbers that a device sends; None: all of them, so that sums are exact."""

    @property
    def is_exact(self) -> bool:
        """Whether what is summed is all there is."""
        return self.top_k is None

    @property
    def is_torchrecs(self) -> bool:
        """Whether TorchRec sums so: DDP has one all-reduce of all numbers over all ranks."""
        return self.is_exact and self.algorithm is not ReductionAlgorithm.HIERARCHICAL

    @property
    def settled(self) -> tuple[Reduction, ...]:
        """Itself, or all that it may be, where the cost model is to choose."""
        if self.algorithm is not ReductionAlgorithm.AUTO:
            return (self,)
        others = (each for each in ReductionAlgorithm if each is not self.algorithm)
        return tuple(replace(self, algorithm=each) for each in others)

    def sent_numbers(self, numbers: int) -> int:
        """How many of so many numbers are sent, one where there is any."""
        return numbers if self.top_k is None else min(numbers, math.ceil(self.top_k * numbers))

    @property
    def notice(self) -> str:
        """What a sparsified one changes; empty of an exact one."""
        if self.top_k is None:
            return ""
        return (
            "top-k all-reduce changes what is learnt: of the gradients of data-parallel tables "
            f"only the largest {exact_fraction(self.top_k)} of all numbers are summed in a step, "
            "the rest is added to those of later ones"
        )
