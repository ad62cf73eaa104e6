"""What all options cost, worked out part by part, so that a deadline is heard in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import TIERS
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet
    from shardplan.planning.pace import Pace
    from shardplan.workload.table import Table


@dataclass(frozen=True, eq=False, slots=True)
class OptionCosts:
    """What one unit of each option costs each device that it lands on, as ``UnitCosts`` has it."""

    load_seconds: NDArray[np.float64]
    """(O, S): seconds added to each stage."""
    spill_seconds: NDArray[np.float64]
    """(O, S): of these, what a unit adds to every other device of the node."""
    memory_bytes: NDArray[np.float64]
    """(O, 3): bytes needed in each of ``TIERS``."""


def option_costs(
    case: Case, options: OptionSet, pace: Pace, of_phase: NDArray[np.float64]
) -> OptionCosts:
    """What a unit of each option costs, phases summed up to stages by ``of_phase`` (P, S).

    Raises NoPlanFound, or Interrupted, when the pace's deadline comes first.
    """
    some, alike = _told_apart(options, case.workload.tables)
    stages = of_phase.shape[1]
    load, spill = np.zeros((len(some), stages)), np.zeros((len(some), stages))
    memory = np.zeros((len(some), len(TIERS)))
    for part, chosen in _parts(case, some, pace):
        costs = case.cost_model.unit_costs(chosen)
        load[part], memory[part] = costs.load_seconds @ of_phase, costs.memory_bytes
        if costs.has_spill:
            spill[part] = costs.spill_seconds @ of_phase
    found = load, spill, memory
    if alike is None:
        return OptionCosts(*found)
    pace.heed(len(case.workload.tables))
    return OptionCosts(*(each[alike] for each in found))


def mean_seconds(case: Case, options: OptionSet, pace: Pace, phases: int) -> NDArray[np.float64]:
    """(O, P): what a unit of each option adds to the devices that it lands on, on average.

    Raises as ``option_costs`` does.
    """
    some, alike = _told_apart(options, case.workload.tables)
    found = np.zeros((len(some), phases))
    for part, chosen in _parts(case, some, pace):
        found[part] = case.cost_model.mean_seconds(chosen)
    return found if alike is None else found[alike]


def fullest_blocks(case: Case, options: OptionSet) -> NDArray[np.int64]:
    """(O,): which block of the rows that an option cuts is read most; -1 where it is made up of the
    hottest rows and a padded one that lies elsewhere, or of the hottest beside those that all
    devices hold."""
    tables, cut = case.workload.tables, options.row_shards(case.topology.world)
    rows = np.array([table.rows for table in tables], dtype=np.int64)
    padded = np.array([table.padding.id if table.padding else 0 for table in tables], np.int64)
    in_order = np.array([table.ids is RowOrder.BY_FREQUENCY for table in tables], dtype=bool)
    block: NDArray[np.int64] = padded[options.table] // -(-rows[options.table] // cut)
    made_up = in_order[options.table] & ((block > 0) | options.keep_hot_rows)
    return np.where(made_up, -1, block)


def _parts(case: Case, options: OptionSet, pace: Pace) -> Iterator[tuple[slice, OptionSet]]:
    """Some options after the other, and where they stand."""
    many = pace.params.options_at_once
    for first in range(0, len(options), many):
        pace.heed(len(case.workload.tables))
        part = slice(first, min(first + many, len(options)))
        chosen = np.arange(part.start, part.stop)
        yield part, options if len(chosen) == len(options) else options.take(chosen)


def _told_apart(
    options: OptionSet, tables: Sequence[Table]
) -> tuple[OptionSet, NDArray[np.int64] | None]:
    """The options that cost something of their own, and of each option (O,) which of them it is
    like; None where hardly any are alike.

    Tables that differ in names alone cost the same.
    """
    known: dict[tuple[object, ...], int] = {}
    kind = [known.setdefault(_what_costs(table), len(known)) for table in tables]
    if len(known) * 2 > len(tables):
        return options, None
    way = np.array(kind)[options.table]
    for part in (options.sharding, options.kernel, options.column_shards, options.widest):
        way = way * (int(part.max(initial=0)) + 1) + part
    for size in (options.hbm_share, options.ddr_share, options.hot_rows):
        sizes, number = np.unique(size, return_inverse=True)
        way = way * len(sizes) + number.reshape(-1)
    _, first, alike = np.unique(way, return_index=True, return_inverse=True)
    return options.take(first), alike.reshape(-1)


def _what_costs(table: Table) -> tuple[object, ...]:
    return (
        table.rows,
        table.dim,
        table.dtype,
        table.poolings,
        table.batch_shares,
        table.pooling_type,
        table.access,
        table.ids,
        table.weighted,
        table.collection,
        table.collection.id_map,
        table.caps,
        table.dynamic,
    )
