"""Plans as a search near an old one finds them: named and dealt so that little moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.planning.drafts.drafts import Drafts, timed
from shardplan.whatif.relabel import under_other_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.predict import Prediction
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.settings import Settings
    from shardplan.whatif.near.moved_from import MovedFrom


@dataclass(slots=True)
class NearDrafts:
    """Makes plans that tell what they move; one placement is named and written down once."""

    moved: MovedFrom
    started: float
    """By the monotonic clock."""
    budget_bytes: float | None
    _drafts: Drafts
    _counted: tuple[tuple[Decision, ...], int] | None = None
    """What the last decisions move."""

    @classmethod
    def of(
        cls,
        formulation: Formulation,
        settings: Settings,
        moved: MovedFrom,
        started: float,
        budget_bytes: float | None = None,
    ) -> Self:
        """Of placements of a formulation."""
        relocation = moved.relocation

        def rename(
            decisions: Sequence[Decision], prediction: Prediction
        ) -> tuple[Sequence[Decision], Prediction]:
            found = under_other_names(relocation, decisions, lambda: prediction)
            return (found.decisions, found.prediction) if found else (decisions, prediction)

        case, arrange = relocation.case, relocation.all_ordered
        drafts = Drafts(case, formulation, settings, arrange, rename)
        return cls(moved, started, budget_bytes, drafts)

    def plan(self, outcome: Outcome) -> Plan:
        """The plan of what was found. Raises NoPlanFound or Interrupted where that is nothing."""
        plan = timed(self._drafts.plan(outcome), self.started)
        decisions = self.decisions
        if self._counted is None or self._counted[0] is not decisions:
            self._counted = decisions, self.moved.bytes_of_decisions(decisions)
        return self.moved.told(plan, self._counted[1], self.budget_bytes)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Of the last plan."""
        assert self._drafts.last is not None
        return self._drafts.last.decisions
