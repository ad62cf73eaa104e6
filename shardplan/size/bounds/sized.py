"""A case at one size of its machine, priced with the options of a whole range of sizes.

Row blocks count as if they were not rounded up: what that adds goes up and down between sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.planning.cases.open_cases import open_cases
from shardplan.size.bounds.means import Means
from shardplan.size.bounds.open_options import options_between

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet


@dataclass(frozen=True, eq=False, slots=True)
class SharedOptions:
    """Options of every size from a first to a last, of one choice of what a spec leaves open."""

    options: OptionSet
    is_complete: bool
    """Whether none was left out, so that a bound on them bounds all."""
    has_all_tables: bool
    """Whether there is one for every table; else there is no plan."""

    @classmethod
    def between(cls, first: Case, last: Case) -> tuple[Self, ...]:
        """Of each choice; nothing where the two sizes have not as many of them."""
        cases = open_cases(first), open_cases(last)
        if len(cases[0]) != len(cases[1]):
            return ()
        return tuple(cls._of_one(*pair) for pair in zip(*cases, strict=True))

    @classmethod
    def _of_one(cls, first: Case, last: Case) -> Self:
        options, is_complete = options_between(first, last)
        tables = len(np.unique(options.table))
        return cls(options, is_complete, tables == len(first.workload.tables))


@dataclass(frozen=True, eq=False, slots=True)
class Sized:
    """One size, of each choice of what a spec leaves open."""

    nodes: int
    beyond: tuple[bool, ...]
    """Whether it is larger than one scale-up domain, one rack, one pod: sizes of which this differs
    are different machines, of which nothing is known in common."""
    means: tuple[Means | None, ...]
    """None where a table has no option."""

    @classmethod
    def of(cls, case: Case, shared: tuple[SharedOptions, ...]) -> Self:
        """Priced with shared options; without any where this size has not as many choices."""
        cases, nodes = open_cases(case), case.machine.nodes
        beyond = tuple(nodes > edge for edge in edges_of(case))
        if len(cases) != len(shared):
            return cls(nodes, beyond, ())
        return cls(
            nodes,
            beyond,
            tuple(
                Means.of(each, own.options, unpadded=True) if own.has_all_tables else None
                for each, own in zip(cases, shared, strict=True)
            ),
        )


def edges_of(case: Case) -> tuple[int, ...]:
    """Nodes up to which the machine of a case is one scale-up domain, one rack, one pod."""
    file = case.machine.file
    return tuple(sorted({file.domain_nodes, *(level.nodes for level in file.fabric)}))
