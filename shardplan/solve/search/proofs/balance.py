"""Of one stage, few tables and few devices: solve by what a single device can hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shardplan.solve.bound.patterns import PatternParams, prove_balance
from shardplan.solve.search.move import Move, Turn, When

if TYPE_CHECKING:
    from shardplan.solve.bound.whole_groups import Branch
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class BalancePatterns(Move):
    """Close in on the best balance by the contents of whole devices."""

    name: ClassVar[str] = "balance_patterns"
    when: ClassVar[When] = When.FIRST_RESTART
    methods: ClassVar[frozenset[str]] = frozenset({"auto"})

    questions: PatternParams = field(default_factory=PatternParams)

    def supports(self, problem: Problem) -> bool:
        """A single stage, of units that neither spill nor are mixed."""
        return problem.stage_count == 1 and not (problem.has_spill or problem.mixable.any())

    def improve(self, record: Record, turn: Turn) -> None:
        """Raise the bound, or lower the objective, until they meet or it takes too long."""
        record.reporter.starting("patterns")
        bounds = [self._bound(record, branch) for branch in record.branches]
        record.prove(min(bounds, default=0.0), "patterns")

    def _bound(self, record: Record, branch: Branch) -> float:
        """Seconds that no placement of a branch can beat; better ones go to the record."""
        budget, allowed = record.budget, branch.allowed(record.problem)
        known = max(branch.lower_bound, record.lower_bound)
        proof = prove_balance(
            branch.with_known_charges(record.problem),
            record.worth_trying() & allowed,
            lower_bound=known,
            upper_bound=record.objective,
            limits=record.limits(budget.node_limit, budget.gap),
            watch=record.watch("patterns"),
            params=self.questions.deepened(budget.effort),
        )
        if proof is None:
            return branch.lower_bound
        if proof.placement is not None:
            record.offer(proof.placement, "patterns")
        return proof.lower_bound
