"""Where devices hold few units, or tables come in few kinds: what no filling of them can keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.bound.classes.item_classes import ItemClasses
from shardplan.solve.bound.stage_limits import StageLimitParams, bound_by_stage_limits
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.repartition.rebalance import rebalance
from shardplan.solve.search.starts.fill_greedily import FillParams, fill_greedily

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class EarlyStageLimits(Move):
    """Ask a little which limits of all stages together can be kept, and place the options by which
    they just are: of few kinds of tables, these are seldom far from the best."""

    name: ClassVar[str] = "early_stage_limits"
    when: ClassVar[When] = When.START
    methods: ClassVar[frozenset[str]] = frozenset({"auto"})

    limits: StageLimitParams = field(
        default_factory=lambda: StageLimitParams(states=500_000, most_choices=3)
    )
    few_kinds: int = 20
    """Of items, or ..."""
    few_items: int = 6
    """... so few on a device, on average: beyond both there are too many patterns to say much."""
    fill: FillParams = field(default_factory=FillParams)
    rounds: int = 150
    """Of repartition after a fill; restarts around the best placement have more."""

    def supports(self, problem: Problem) -> bool:
        """Where options are taken as they are, and devices bear what lies on them."""
        return not (problem.mixable.any() or problem.is_uneven)

    def improve(self, record: Record, turn: Turn) -> None:
        """Raise the bound, and place the choices of options that may be worth it."""
        if record.placement is None or not self._has_few_patterns(record):
            return
        record.reporter.starting("patterns")
        proof = bound_by_stage_limits(
            record.problem,
            record.worth_trying(),
            upper_bound=record.objective,
            limits=record.limits(),
            watch=record.watch("patterns"),
            params=self.limits.deepened(record.budget.effort),
            lower_bound=record.lower_bound,
        )
        record.prove(proof.lower_bound, "patterns")
        options = np.arange(record.problem.option_count)
        params = turn.repartition.cooled(min(self.rounds, turn.repartition.rounds))
        for number, choice in enumerate(proof.choices):
            if record.should_stop():
                return
            record.reporter.starting("fill")
            start = fill_greedily(record, np.isin(options, choice), self.fill)
            record.offer(start, "patterns")
            rebalance(record, start, record.worth_drawing(), params, number)

    def _has_few_patterns(self, record: Record) -> bool:
        problem = record.problem
        if problem.item_count <= self.few_items * problem.device_count:
            return True
        return len(ItemClasses.of(problem, record.worth_trying()).count) <= self.few_kinds


@dataclass(frozen=True, slots=True)
class StageLimits(EarlyStageLimits):
    """Prove which of them cannot, against good placements and with more patterns from pass to pass;
    then place what is left."""

    name: ClassVar[str] = "stage_limits"
    when: ClassVar[When] = When.FIRST_RESTART

    limits: StageLimitParams = field(default_factory=StageLimitParams)
    passes_in_vain: int = 3
    """In which it is tried whatever comes of it; later only where the bound is its own."""

    def improve(self, record: Record, turn: Turn) -> None:
        """The same as the early one, as long as it pays."""
        if turn.number_of_pass < self.passes_in_vain or record.bound == "patterns":
            EarlyStageLimits.improve(self, record, turn)
