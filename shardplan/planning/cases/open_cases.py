"""The cases that only together are the one that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.planning.cases.groupings import cases_by_groups
from shardplan.planning.cases.sums import cases_by_sums
from shardplan.planning.cases.widths import cases_by_width

if TYPE_CHECKING:
    from shardplan.case import Case


def open_cases(case: Case) -> tuple[Case, ...]:
    """The case with each choice that it leaves open beside the placement: groups of devices, widths
    of column shards, how gradients are summed. The best plan of all of them is its best plan."""
    return tuple(
        summed
        for grouped in cases_by_groups(case)
        for each in cases_by_width(grouped)
        for summed in cases_by_sums(each)
    )
