"""Where many items are alike: what whole numbers of them cost, large units included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shardplan.solve.bound.classes.class_choice import ClassChoiceParams, bound_by_class_choice
from shardplan.solve.search.move import Move, Turn, When

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class EarlyClassChoice(Move):
    """Count equal items in the option choice, against the first placements."""

    name: ClassVar[str] = "early_class_choice"
    when: ClassVar[When] = When.START
    methods: ClassVar[frozenset[str]] = frozenset({"auto"})

    choice: ClassChoiceParams = field(default_factory=lambda: ClassChoiceParams(most_options=150))
    first_share: float = 0.2
    """Of a tree's usual size, in the first pass where others follow: it doubles from pass to pass,
    so that no tree takes most of the time before there is anything else."""

    def supports(self, problem: Problem) -> bool:
        """Where options are taken as they are, and devices bear what lies on them."""
        return not (problem.mixable.any() or problem.is_uneven or problem.has_spill)

    def improve(self, record: Record, turn: Turn) -> None:
        """Raise the bound."""
        if record.placement is None:
            return
        record.reporter.starting("option choice")
        relaxation, effort = record.relaxation, record.budget.effort
        if record.budget.most_effort == float("inf"):
            effort *= self.first_share
        bound = bound_by_class_choice(
            record.problem,
            relaxation.lower_bound + relaxation.reduced_cost,
            lower_bound=record.lower_bound,
            upper_bound=record.objective,
            limits=record.limits(),
            watch=record.watch_only(),
            params=self.choice.deepened(effort),
        )
        record.prove(bound, "option choice")


@dataclass(frozen=True, slots=True)
class ClassChoice(EarlyClassChoice):
    """The same against better placements, of which less is within reach."""

    name: ClassVar[str] = "class_choice"
    when: ClassVar[When] = When.FIRST_RESTART

    choice: ClassChoiceParams = field(default_factory=ClassChoiceParams)
