"""What a move of the search is, and when it has its turn."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record
    from shardplan.solve.search.repartition.repartition import RepartitionParams

SEARCHING = frozenset({"auto", "search"})
"""Methods that search in restart after restart."""


class When(Enum):
    """At which points of a solve a move has its turn; those of one point go in their order.

    A solve makes pass after pass, each with more effort than the one before, as long as there is
    time and gap.
    """

    START = auto()
    """Once, before the first pass."""
    FRESH = auto()
    """At the beginning of a restart: options are chosen afresh for all items."""
    AGAIN = auto()
    """At the beginning of a restart after a fresh one that gained nothing: the best placement is
    what it begins with."""
    RESTART = auto()
    """In every restart, after the former."""
    FIRST_RESTART = auto()
    """In every pass, when its first restart is over."""
    END = auto()
    """In every pass, after all of its restarts."""

    @property
    def comes_again(self) -> bool:
        """Whether every pass has this point."""
        return self is not When.START


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a solve stands when a move has its turn."""

    method: str
    """That was asked for."""
    restart: int
    """Which restart of the solve it is, from 0; random numbers are seeded with it."""
    fresh: int
    """How many restarts have begun with a choice of options, this one included."""
    repartition: RepartitionParams
    """How long and how hot to repartition a cluster of this size."""
    drawn_from: NDArray[np.bool_]
    """(O,): options that are worth drawing by chance at all."""
    number_of_pass: int = 0
    """From 0."""
    restart_of_pass: int = 0
    """Which restart of the pass it is, from 0."""
    fresh_of_pass: int = 0
    """How many restarts of the pass have begun with a choice of options, this one included."""
    stretch: float = 1.0
    """How long one restart may last, relative to the usual: a pass of more effort has both more of
    them and longer ones."""


class Move(Protocol):
    """One way to a better placement or a higher bound.

    A move is a frozen dataclass of its parameters, and stands in ``MOVES``. It keeps nothing from
    one turn to the next; what it finds goes to the record.
    """

    name: ClassVar[str]
    """Under which its parameters are written into plans."""
    when: ClassVar[When] = When.RESTART
    methods: ClassVar[frozenset[str]] = SEARCHING
    """The methods of a solve that it is a part of."""

    def supports(self, problem: Problem) -> bool:
        """Whether it is worth its time on a problem; asked once, before the solve."""
        return True

    @abstractmethod
    def improve(self, record: Record, turn: Turn) -> None:
        """Offer placements to the record, or prove bounds; return soon once it should stop."""
