"""The exact integer program over all options worth trying: it proves, and improves on occasion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.exact.assignment import assignment
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.search.move import Move, Turn, When

if TYPE_CHECKING:
    from shardplan.solve.search.record import Record

_SAFETY = 1e-7
"""Relative allowance for rounding, taken off the integer program's bound."""


@dataclass(frozen=True, slots=True)
class TreeParams:
    """How far the program's branch-and-bound tree is searched."""

    node_columns: int = 6_000_000
    """Nodes times variables, when the caller limits neither; ..."""
    fewest_nodes: int = 50
    """... but this many nodes in any case."""
    coarse_gap: float = 0.005
    """What is asked for first: HiGHS proves it of programs on which it gets nowhere when asked for
    less."""
    gap_share: float = 0.9
    """Of a gap, asked for so that it is met with room for rounding."""


@dataclass(frozen=True, slots=True)
class SmallProgram(Move):
    """The program of a small problem comes first: it is done before a search is."""

    name: ClassVar[str] = "small_program"
    when: ClassVar[When] = When.START
    methods: ClassVar[frozenset[str]] = frozenset({"auto"})

    most_columns: int = 250
    tree: TreeParams = field(default_factory=TreeParams)

    def improve(self, record: Record, turn: Turn) -> None:
        """Solve the program, if it is small."""
        if _column_count(record) <= self.most_columns:
            _solve(record, self.tree)


@dataclass(frozen=True, slots=True)
class CoarseProgram(Move):
    """Of a somewhat larger problem the program says much soon, and little more for long: it comes
    within a coarse gap after the first restart, and further only after a search."""

    name: ClassVar[str] = "coarse_program"
    when: ClassVar[When] = When.FIRST_RESTART
    methods: ClassVar[frozenset[str]] = frozenset({"auto"})

    most_columns: int = 700
    tree: TreeParams = field(
        default_factory=lambda: TreeParams(node_columns=100_000, fewest_nodes=1)
    )
    """A second's worth: beyond that a better placement to begin with gives more."""

    def improve(self, record: Record, turn: Turn) -> None:
        """Solve it roughly, if it is not too large."""
        gap = max(record.budget.gap, self.tree.coarse_gap)
        if turn.number_of_pass == 0 and _column_count(record) <= self.most_columns:
            _reaches(record, self.tree, gap)


@dataclass(frozen=True, slots=True)
class FullProgram(Move):
    """The program comes last in a pass, of the options that a search has left."""

    name: ClassVar[str] = "full_program"
    when: ClassVar[When] = When.END
    methods: ClassVar[frozenset[str]] = frozenset({"auto", "milp"})

    most_columns: int = 6_000
    """Beyond which it is not tried, unless it was asked for."""
    tree: TreeParams = field(default_factory=TreeParams)

    def improve(self, record: Record, turn: Turn) -> None:
        """Solve the program, if it is not too large or was asked for."""
        most = self.most_columns * turn.stretch
        if turn.method == "milp" or _column_count(record) <= most:
            _solve(record, self.tree)


def _solve(record: Record, tree: TreeParams) -> None:
    """First to a coarse gap; then, if that was reached, to the one that is wanted."""
    wanted = record.budget.gap
    for gap in sorted({max(wanted, tree.coarse_gap), wanted}, reverse=True):
        if record.should_stop() or not _reaches(record, tree, gap * tree.gap_share):
            return
    record.is_exhausted = True


def _reaches(record: Record, tree: TreeParams, gap: float) -> bool:
    """Whether it was solved to the relative gap, or was proven to have no solution."""
    record.reporter.starting("milp")
    problem = record.problem
    model = assignment(problem, record.worth_trying())
    mixes = bool(problem.mixable.any())
    known = None if mixes else record.placement
    nodes = max(tree.fewest_nodes, tree.node_columns // model.program.column_count)
    answer = solve_program(
        model.program,
        record.limits(record.budget.nodes(nodes), gap),
        start=model.point(known) if known is not None else None,
        watch=record.watch("integer program"),
        seed=record.budget.seed,
    )
    if answer.x is not None:
        claimed = None if mixes else answer.objective * problem.time_unit
        record.offer(model.placement(answer.x), "integer program", claimed)
    if answer.status is Status.INFEASIBLE:
        record.prove(record.objective, "integer program")
    elif answer.bound > 0:
        # Options beyond the incumbent's reach were left out: they cannot lower the bound below it.
        bound = answer.bound * problem.time_unit * (1 - _SAFETY)
        record.prove(min(bound, record.objective), "integer program")
    return answer.status in (Status.OPTIMAL, Status.INFEASIBLE)


def _column_count(record: Record) -> int:
    """How many whole variables the integer program has: one per option and place."""
    problem = record.problem
    places = np.array([problem.device_count, problem.node_count, 0])
    return int((places[problem.shape[record.worth_trying()]] + 1).sum())
