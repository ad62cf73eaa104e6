"""What is known of every candidate, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.size.crew.job import NoPlan, Solved, Unfound
from shardplan.size.terms.terms import Terms, target_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.size.bounds.step_bound import StepBound
    from shardplan.size.crew.job import Result
    from shardplan.size.space.space import Space


class Effort(IntEnum):
    """How far a candidate was looked at."""

    BOUND = 0
    """In closed form."""
    ROUGH = 1
    """A greedy plan, and the bound of the relaxation."""
    FULL = 2


@dataclass(eq=False, slots=True)
class Standings:
    """C candidates in the order of their space, G goals."""

    space: Space
    terms: tuple[Terms, ...]
    allowed_seconds: NDArray[np.float64]
    """(C,): the longest step that reaches the target."""
    bound_seconds: NDArray[np.float64]
    """(C,): what no plan's step is shorter than; infinite where there is no plan."""
    step_seconds: NDArray[np.float64]
    """(C,): of the best plan; infinite where there is none yet."""
    bound_values: NDArray[np.float64]
    """(C, G): what is minimised is at least so much."""
    values: NDArray[np.float64]
    """(C, G): what the best plan reaches."""
    effort: NDArray[np.int64]
    """(C,): an ``Effort``."""
    proofs: dict[int, StepBound] = field(default_factory=dict)
    """Of some candidates, what the bound is made of."""
    refusals: dict[int, NoPlan] = field(default_factory=dict)
    """Of those that have no plan, why."""
    solved: dict[int, Solved] = field(default_factory=dict)
    unfound: set[int] = field(default_factory=set)
    """Those of which a solve was cut off with neither a plan nor a proof."""
    cut_off: set[int] = field(default_factory=set)
    """Those of which the clock ended a solve."""

    @classmethod
    def of(cls, space: Space) -> Self:
        """Of which nothing is known yet but their terms."""
        terms = tuple(Terms.of(space, each) for each in space.candidates)
        target, shape = target_of(space.size), (len(terms), len(space.size.goals))
        return cls(
            space=space,
            terms=terms,
            allowed_seconds=np.array([each.longest_step(target) for each in terms]),
            bound_seconds=np.array([np.inf if each.problem else 0.0 for each in terms]),
            step_seconds=np.full(len(terms), np.inf),
            bound_values=np.zeros(shape),
            values=np.full(shape, np.inf),
            effort=np.zeros(len(terms), dtype=np.int64),
        )

    @property
    def is_possible(self) -> NDArray[np.bool_]:
        """(C,): of which it is not proven that they cannot."""
        known: NDArray[np.bool_] = self.bound_seconds <= self.allowed_seconds
        return known & np.isfinite(self.bound_seconds)

    @property
    def front(self) -> NDArray[np.int64]:
        """Plans that reach the target and that no other plan is as good as in all that is
        minimised; of equals the first candidate."""
        found = np.flatnonzero(self.step_seconds <= self.allowed_seconds)
        found = found[np.isfinite(self.step_seconds[found])]
        kept: list[int] = []
        for each in found[np.lexsort((found, *self.values[found].T[::-1]))].tolist():
            if not any((self.values[one] <= self.values[each]).all() for one in kept):
                kept.append(each)
        return np.array(sorted(kept), dtype=np.int64)

    @property
    def beaten_by(self) -> NDArray[np.int64]:
        """(C,): the candidate of the front whose plan is no worse than any plan of this one can be
        in all that is minimised, by the widest margin where there are several; -1 for none, and on
        the front."""
        front = self.front
        best, margin = np.full(len(self.terms), -1), np.full(len(self.terms), -np.inf)
        for one in front.tolist():
            reached = np.maximum(self.values[one], np.finfo(np.float64).tiny)
            beats = (self.values[one] <= self.bound_values).all(axis=1)
            least = (self.bound_values / reached).min(axis=1)
            wider = beats & (least > margin)
            best[wider], margin[wider] = one, least[wider]
        best[front] = -1
        return best

    def is_decided(self, gap: float) -> NDArray[np.bool_]:
        """(C,): of which no plan can beat the front, or their own, by more than a share in all that
        is minimised."""
        decided = ~self.is_possible
        for one in self.front.tolist():
            decided |= (self.values[one] <= (1 + gap) * self.bound_values).all(axis=1)
        return decided | (self.step_seconds <= (1 + gap) * self.bound_seconds)

    def prove(self, candidate: int, bound_seconds: float, proof: StepBound | None = None) -> None:
        """A bound, if it is higher than what is known."""
        if proof is not None:
            self.proofs[candidate] = proof
        if bound_seconds > self.bound_seconds[candidate]:
            self.bound_seconds[candidate] = bound_seconds
            if np.isfinite(bound_seconds):
                goals = self.space.size.goals
                self.bound_values[candidate] = self.terms[candidate].values(bound_seconds, goals)

    def refuse(self, candidate: int, why: NoPlan) -> None:
        """It has no plan."""
        self.refusals[candidate] = why
        self.bound_seconds[candidate] = np.inf

    def take(self, candidate: int, result: Result, effort: Effort) -> None:
        """What a solve has found."""
        self.effort[candidate] = effort
        if isinstance(result, NoPlan):
            self.refuse(candidate, result)
        elif isinstance(result, Unfound):
            self.unfound.add(candidate)
        else:
            self.prove(candidate, result.bound_seconds)
            if result.is_cut_off:
                self.cut_off.add(candidate)
            if result.step_seconds < self.step_seconds[candidate]:
                self.solved[candidate] = result
                self.step_seconds[candidate] = result.step_seconds
                goals = self.space.size.goals
                self.values[candidate] = self.terms[candidate].values(result.step_seconds, goals)

    def order(self, among: NDArray[np.int64]) -> list[int]:
        """Candidates, the most promising first: in turn the next by each goal's bound, and by the
        product of all."""
        bounds = np.maximum(self.bound_values[among], np.finfo(np.float64).tiny)
        keys = [*bounds.T, np.log(bounds).sum(axis=1)]
        ranked = np.column_stack([among[np.lexsort((among, key))] for key in keys])
        return list(dict.fromkeys(ranked.ravel().tolist()))
