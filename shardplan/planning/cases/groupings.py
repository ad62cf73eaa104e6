"""Into how many groups, each of which holds all tables, the devices of a machine may be divided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case


def cases_by_groups(case: Case) -> tuple[Case, ...]:
    """The case with each number of groups that its devices can be, from one on; itself where the
    spec says how many."""
    replicas = case.spec.training.replicas
    if replicas is None or replicas.grouping is not None:
        return (case,)
    return tuple(_choices(case))


def in_groups_near(case: Case, groups: int) -> Case:
    """The case in so many groups, or in the nearest number that its devices can be; itself where
    the spec says how many."""
    return min(cases_by_groups(case), key=lambda each: abs(each.topology.groups - groups))


def _choices(case: Case) -> Iterator[Case]:
    size = case.topology.whole.world_size
    for groups in range(1, size + 1):
        if size % groups == 0:
            try:
                yield case.in_groups(groups)
            except InputError:
                # Nodes or the fabric cannot be so divided, or a constraint names ranks beyond.
                assert groups > 1, "one group of all devices is always possible"
