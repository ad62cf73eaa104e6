"""The fewest tables that a budget of bytes allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.serving.merging.merge_program import MergeProgram
from shardplan.serving.merging.opposite_pairs import opposite_pairs
from shardplan.serving.merging.piece import extra_bytes
from shardplan.solve.deadline import ENDLESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.serving.merging.piece import Piece
    from shardplan.solve.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Merging:
    """What is merged, and how far from the best that is."""

    groups: tuple[tuple[int, ...], ...]
    """Positions of pieces, two or three each, no piece twice."""
    tables: int
    """That are left."""
    extra_bytes: int
    least_tables: int
    """No merging of pairs and triples within the budget leaves fewer, or what was asked for."""
    least_extra_bytes: float
    """None that leaves as few as ``tables`` takes less."""


def merge(
    pieces: Sequence[Piece], extra_at_most: int, enough: int = 1, until: Deadline = ENDLESS
) -> Merging:
    """The merging into the fewest tables, or ``enough``, for at most so many extra bytes; of those
    the one that takes least.

    An integer program over all pairs and triples of tables that differ: exact, unless they are
    too many or ``until`` comes first. Then one of two rules says what is merged, and only the
    bounds how far that may be from the best. Raises SolverError where the solver fails.
    """
    program = MergeProgram.of(pieces, extra_at_most)
    most = min(program.most_saved(until), max(0, len(pieces) - enough))
    rules = (
        program.spelled_out(program.greedy(most)),
        opposite_pairs(pieces, extra_at_most, most),
    )
    best = min(rules, key=lambda groups: (-_saved(groups), _extra(pieces, groups)))
    least_extra = 0.0
    for saved in range(most, max(0, _saved(best) - 1), -1):
        if until.is_over or not program.is_whole:
            break
        taken, bound = program.cheapest(saved, until)
        groups = () if taken is None else program.spelled_out(taken)
        if groups and _extra(pieces, groups) <= extra_at_most:
            best, least_extra = groups, bound
            break
        # Who cannot save so many cannot save more.
        most = saved - 1 if bound > extra_at_most else most
    tables, extra = len(pieces) - _saved(best), _extra(pieces, best)
    least_tables = min(len(pieces) - most, tables)
    return Merging(best, tables, extra, least_tables, min(least_extra, float(extra)))


def _saved(groups: Sequence[Sequence[int]]) -> int:
    return sum(len(group) - 1 for group in groups)


def _extra(pieces: Sequence[Piece], groups: Sequence[Sequence[int]]) -> int:
    return sum(extra_bytes(pieces, group) for group in groups)
