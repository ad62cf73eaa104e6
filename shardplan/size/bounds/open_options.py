"""Every way to shard the tables that any of some sizes of a machine may offer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.enumerate import graded_options
from shardplan.options.hot_rows import all_hot_row_counts
from shardplan.options.option_set import OptionSet
from shardplan.planning.offered import offer_of
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent
from shardplan.solve.search.search_params import SharedParams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.sharding.kind import ShardingType

_KEYS = tuple(name for name in OptionSet.__slots__ if name != "table")


def offered_options(case: Case) -> tuple[OptionSet, bool]:
    """The options of a case, and whether these are all: of very many tables caches are graded more
    coarsely, and then a bound on what is there bounds nothing."""
    options, grading = graded_options(
        case.workload,
        case.topology.world,
        case.constraints,
        offer_of(case),
        SharedParams().most_options,
    )
    is_chosen = any(constraint.is_choice for constraint in case.constraints)
    return options, grading.is_complete and not is_chosen


def options_between(first: Case, last: Case) -> tuple[OptionSet, bool]:
    """Options of two sizes of a machine, and of every one between them; and whether these are all.

    More columns' shards, and types of several nodes, come with more devices, so that the larger one
    has them; caches come with less memory, so that the smaller one has them. Whether a table has
    rows enough for as many devices goes up and down between them: here they always suffice, which
    makes a bound lower at most.
    """
    parts, is_complete = [], True
    for case in (first, last):
        for options, is_all in (offered_options(case), _as_if_rows_sufficed(case, last)):
            parts.append(options)
            is_complete = is_complete and is_all
    return _united(parts), is_complete


def _as_if_rows_sufficed(case: Case, last: Case) -> tuple[OptionSet, bool]:
    """Options of types that cut rows, of tables that may have too few for some sizes."""
    enough = last.topology.world_size**2
    tables, workload = case.workload.tables, case.workload
    tall = replace(
        workload,
        tables=tuple(
            replace(table, rows=enough) if table.rows < enough and not table.dynamic else table
            for table in tables
        ),
    )
    offer = replace(offer_of(case), hot_rows=False)
    most = SharedParams().most_options
    found, grading = graded_options(tall, case.topology.world, case.constraints, offer, most)
    short = np.array([table.rows < enough for table in tables])[found.table]
    cut = found.take(short & found.has_type(lambda kind: kind.cuts_rows))
    return _united([cut, *_with_copies(case, cut)]), grading.is_complete


def _with_copies(case: Case, cut: OptionSet) -> list[OptionSet]:
    """The same with each number of hot rows that the tables of a case may keep besides."""
    counts: dict[int, list[int]] = {}
    for table, count in (
        all_hot_row_counts(case.workload) if case.cost_model.prices_hot_rows else ()
    ):
        counts.setdefault(table, []).append(count)
    hot = {kind.name: kind for kind in SHARDING_TYPES if kind.keeps_hot_rows}
    found = []
    for code in np.unique(cut.sharding).tolist():
        kind: ShardingType = SHARDING_TYPES[code]
        kept = hot.get(kind.with_hot_rows.name)
        if kept is None or kind.lands is not Extent.WORLD:
            continue
        own = cut.take(cut.sharding == code)
        number = np.array([len(counts.get(int(table), ())) for table in own.table], dtype=np.int64)
        rows = [row for table in own.table.tolist() for row in counts.get(table, ())]
        some = own.take(np.repeat(np.arange(len(own)), number))
        codes = np.full(len(some), SHARDING_TYPES.index(kept), dtype=np.int8)
        found.append(replace(some, sharding=codes, hot_rows=np.array(rows, dtype=np.int64)))
    return found


def _united(parts: Sequence[OptionSet]) -> OptionSet:
    """The options of all parts, each once, in the order of tables."""
    every = OptionSet(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in OptionSet.__slots__)
    )
    number = every.table.astype(np.int64)
    for name in _KEYS:
        number = _told_apart(number, getattr(every, name))
    _, first = np.unique(number, return_index=True)
    return every.take(first[np.argsort(every.table[first], kind="stable")])


def _told_apart(number: NDArray[np.int64], part: NDArray[np.generic]) -> NDArray[np.int64]:
    """Numbers that are equal where both are."""
    values, own = np.unique(part, return_inverse=True)
    joint = number * len(values) + own.reshape(-1)
    return np.unique(joint, return_inverse=True)[1].reshape(-1).astype(np.int64)
