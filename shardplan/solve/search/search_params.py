"""The moves of a search and all numbers that steer it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shardplan.solve.bound.relaxation import RELAXATION_ROUNDS
from shardplan.solve.bound.whole_groups import MOST_BRANCHES
from shardplan.solve.search.moves import MOVES
from shardplan.solve.search.param_changes import param_changes, with_param_changes
from shardplan.solve.search.relocation_params import RelocationParams
from shardplan.solve.search.repartition.effort import RepartitionEffort

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from shardplan.solve.search.move import Move

_GROUPS = ("shared", "relocation")
"""The fields that hold parameters but no moves."""


@dataclass(frozen=True, slots=True)
class SharedParams:
    """What several moves heed."""

    repartition: RepartitionEffort = field(default_factory=RepartitionEffort)
    relaxation_rounds: int = RELAXATION_ROUNDS
    """In which rows that the relaxed optimum breaks are added."""
    group_branches: int = MOST_BRANCHES
    """Linear programs, at most, that tell apart which groups with a charge are paid for."""
    options_drawn: int = 4
    """Of an item and shape, from which a search draws where options can be mixed."""
    options_at_once: int = 100_000
    """That are costed between two looks at the clock, in about a second; more are no quicker."""
    most_options: int = 3_000_000
    """With more of them, sizes of caches and numbers of column shards are offered that lie further
    apart; no bound is proven then."""
    few_tables: int = 1_000
    """With no more than these a case is formulated within a second: the time that a first plan is
    worth also where a slow start has used up the limit, or the user has had enough already."""
    latest_placements: int = 16
    """Of those that a solve took, of which the quickest plan is looked for: what was taken long
    before is far behind."""


@dataclass(frozen=True, slots=True)
class SearchParams:
    """What a search is made of; the defaults are those of this version."""

    moves: tuple[Move, ...] = MOVES
    """Each carries its own parameters."""
    shared: SharedParams = field(default_factory=SharedParams)
    relocation: RelocationParams = field(default_factory=RelocationParams)
    """Of the search near a known placement."""

    def changes(self) -> dict[str, Any]:
        """What differs from the defaults, as values of JSON.

        Parameters of a move stand under its name, the others under that of their field, and
        ``moves`` lists the names of all moves where they are not those of ``MOVES``. Of a move from
        elsewhere nothing but the name is known.
        """
        default, known = SearchParams(), {move.name: move for move in MOVES}
        changes = {
            name: param_changes(getattr(default, name), getattr(self, name)) for name in _GROUPS
        }
        for move in self.moves:
            if move.name in known:
                changes[move.name] = param_changes(known[move.name], move)
        found: dict[str, Any] = {name: changed for name, changed in changes.items() if changed}
        names = [move.name for move in self.moves]
        return found if names == list(known) else {"moves": names} | found

    @classmethod
    def with_changes(cls, changes: Mapping[str, Any]) -> Self:
        """The inverse of ``changes``.

        Raises ValueError for a move or a parameter that this version does not have.
        """
        default, known = cls(), {move.name: move for move in MOVES}
        names = changes.get("moves", list(known))
        if unknown := {*changes, *names} - {"moves", *_GROUPS, *known}:
            raise ValueError(f"unknown parts of a search: {', '.join(sorted(unknown))}")
        groups = {
            name: with_param_changes(getattr(default, name), changes.get(name, {}))
            for name in _GROUPS
        }
        moves = (with_param_changes(known[name], changes.get(name, {})) for name in names)
        return cls(tuple(moves), **groups)
