"""Every way to store and lay a table that is offered, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from shardplan.serving.batch_shape import BatchShape
from shardplan.serving.options.coefficients import BATCH, CANDIDATE, QUERY
from shardplan.serving.options.hit_curve import HitCurve
from shardplan.serving.options.placed_table import PlacedTable
from shardplan.serving.options.rates import Rates
from shardplan.serving.options.way import ways
from shardplan.serving.replica import OUTPUT_DEVICE
from shardplan.sharding.kernel import MemoryTier
from shardplan.sharding.kind import ShardingType
from shardplan.workload.serving.row_cache import ASSOCIATIVITY, RowCache
from shardplan.workload.serving.side import Side
from shardplan.workload.serving.stored_format import RowLayout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.serving.options.way import Way
    from shardplan.serving.served_case import ServedCase
    from shardplan.workload.access import Access
    from shardplan.workload.serving.served_table import ServedTable
    from shardplan.workload.serving.stored_format import StoredFormat

_COLUMN_OF = {Side.USER: QUERY, Side.ITEM: CANDIDATE}
_WIDTH = 4
"""Of which column shards are a multiple, as TorchRec's kernels ask."""
_ID_BYTES = 8


@dataclass(frozen=True, eq=False)
class OptionSet:
    """O options of T tables on the D devices of a replica."""

    choices: tuple[PlacedTable, ...]
    """(O,): what each stands for, those of a table side by side, tables in their order."""
    table: NDArray[np.int64]
    """(O,)"""
    loss: NDArray[np.float64]
    """(O,): of quality, in the user's unit."""
    lookup: NDArray[np.float64]
    """(O, D, 3): seconds on each device."""
    gather: NDArray[np.float64]
    """(O, 3): seconds of copies into the first device, and of sums there."""
    is_remote: NDArray[np.bool_]
    """(O,): whether any shard lies on another device than the first."""
    hbm_bytes: NDArray[np.float64]
    """(O, D): rows, outputs and ids."""
    ddr_bytes: NDArray[np.float64]
    """(O,): rows, of all devices."""


@dataclass(frozen=True, eq=False)
class Segments:
    """S pieces of caches in HBM, by which options that have caches grow from no rows to all.

    Of each option those that save most come first.
    """

    option: NDArray[np.int64]
    """(S,)"""
    rows: NDArray[np.float64]
    """(S,): of each shard, at most."""
    saved: NDArray[np.float64]
    """(S, 3): seconds on each device of the option, for each row."""
    row_bytes: NDArray[np.float64]
    """(S,): of HBM of each device, for each row."""


@dataclass(frozen=True, eq=False)
class Pricer:
    """What choices cost on the devices of one case."""

    case: ServedCase
    rates: Rates
    largest: BatchShape
    _known: dict[tuple[object, ...], tuple[float, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, case: ServedCase) -> Pricer:
        """Of a case."""
        return cls(case, Rates.of(case), BatchShape.largest(case.serving))

    def priced(self, choices: tuple[PlacedTable, ...]) -> OptionSet:
        """The options that choices are."""
        count, devices = len(choices), self.case.replica.devices
        options = OptionSet(
            choices=choices,
            table=np.array([each.table for each in choices], dtype=np.int64),
            loss=np.array([self._loss(each) for each in choices]),
            lookup=np.zeros((count, devices, 3)),
            gather=np.zeros((count, 3)),
            is_remote=np.array(
                [any(d != OUTPUT_DEVICE for d in each.way.devices) for each in choices]
            ),
            hbm_bytes=np.zeros((count, devices)),
            ddr_bytes=np.zeros(count),
        )
        for option, choice in enumerate(choices):
            self._price(options, option, choice)
        return options

    def _loss(self, choice: PlacedTable) -> float:
        pruned = choice.pruned.loss if choice.pruned else 0.0
        return self._served(choice).losses[choice.form] + pruned

    def _served(self, choice: PlacedTable) -> ServedTable:
        return self.case.serving.tables[choice.table]

    def _price(self, options: OptionSet, option: int, choice: PlacedTable) -> None:
        """Fill the rows of one option, all of whose shards are alike but for a last one of fewer
        rows, which counts as the others."""
        served, devices = self._served(choice), list(choice.way.devices)
        unit = _COLUMN_OF[served.side]
        columns, rows = choice.shard_columns(served.table), choice.shard_rows(served.table)
        outputs = served.table.outputs_per_sample * columns
        output_bytes = outputs * self.case.serving.output_dtype.bytes
        ids = served.table.ids_per_sample / (choice.way.shards if choice.way.cuts_rows else 1)
        read_ids, in_hbm_bytes = ids, 0
        if choice.pruned is not None:
            table, kept = served.table, choice.pruned.kept
            read_ids *= _kept_share(table.access, table.rows, table.pooling, kept)
            in_hbm_bytes = choice.pruned.remap_bytes
        seconds, stored = self._shard(choice, columns, rows, read_ids, output_bytes)
        if choice.pruned is not None:
            seconds += ids * self.rates.per_remapped_id
        if choice.cached_rows is not None:
            hit = self._curve(choice).hit_rate(choice.cached_rows * self._parts(choice))
            seconds += ids * (1 - hit) * self.rates.per_missed_id(choice.form, columns)
            in_hbm_bytes += self._cache(choice).hbm_bytes
        options.lookup[option, devices, BATCH] = self.rates.per_shard(choice.tier)
        options.lookup[option, devices, unit] = seconds
        self._gather(options, option, unit, output_bytes, choice.way)
        buffers = self._units(served.side) * (output_bytes + ids * _ID_BYTES)
        options.hbm_bytes[option, devices] = buffers
        remote = sum(device != OUTPUT_DEVICE for device in devices)
        options.hbm_bytes[option, OUTPUT_DEVICE] += remote * self._units(served.side) * output_bytes
        options.hbm_bytes[option, devices] += in_hbm_bytes
        if choice.tier is MemoryTier.HBM:
            options.hbm_bytes[option, devices] += stored
        else:
            options.ddr_bytes[option] = stored * choice.way.shards

    def _shard(
        self, choice: PlacedTable, columns: int, rows: int, ids: float, output_bytes: float
    ) -> tuple[float, int]:
        """Seconds of one query or candidate, but for what a cache lacks, and bytes of rows."""
        is_cached = choice.cached_rows is not None
        key = (choice.tier, is_cached, choice.form, columns, rows, ids, output_bytes)
        if key not in self._known:
            tier = MemoryTier.HBM if is_cached else choice.tier  # All reads of rows are in HBM.
            seconds = self.rates.per_unit(tier, choice.form, columns, ids, output_bytes)
            seconds += ids * (self.rates.cache_seconds_per_id or 0.0) * is_cached
            stored = choice.form.table_bytes(rows, columns, self.rates.layout)
            self._known[key] = (seconds, stored)
        return self._known[key]

    def _gather(
        self, options: OptionSet, option: int, unit: int, output_bytes: float, way: Way
    ) -> None:
        remote = sum(device != OUTPUT_DEVICE for device in way.devices)
        seconds = remote * output_bytes * self.case.replica.gather_seconds_per_byte
        if way.cuts_rows:
            summed = way.shards * output_bytes
            seconds += summed * self.rates.of_tier[MemoryTier.HBM].per_output_byte
        options.gather[option, unit] = seconds

    def segments(self, choices: tuple[PlacedTable, ...]) -> Segments:
        """The pieces of the caches of choices; none of those that have none."""
        option, rows, saved, row_bytes = [], [], [], []
        for index, choice in enumerate(choices):
            if choice.cached_rows is None:
                continue
            served, curve, parts = self._served(choice), self._curve(choice), self._parts(choice)
            columns = choice.shard_columns(served.table)
            missed = self.rates.per_missed_id(choice.form, columns)
            lines = zip(np.diff(curve.rows), np.diff(curve.hits), strict=True)
            for more_rows, more_hits in lines:
                # A shard by rows has 1/parts of the rows and of the ids.
                per_row = served.table.ids_per_sample * missed * more_hits / more_rows
                option.append(index)
                rows.append(more_rows / parts)
                saved.append([per_row * (column == _COLUMN_OF[served.side]) for column in range(3)])
                row_bytes.append(self._cache(choice).slot_bytes)
        return Segments(
            np.array(option, dtype=np.int64),
            np.array(rows, dtype=np.float64),
            np.array(saved, dtype=np.float64).reshape(-1, 3),
            np.array(row_bytes, dtype=np.float64),
        )

    def _parts(self, choice: PlacedTable) -> int:
        """Into how many shards the rows of a table are cut."""
        return choice.way.shards if choice.way.cuts_rows else 1

    def _curve(self, choice: PlacedTable) -> HitCurve:
        table = self._served(choice).table
        return HitCurve.of(table.access, table.rows, table.pooling)

    def _cache(self, choice: PlacedTable) -> RowCache:
        """Of one shard: a group of its own, so that no slot is wider than its rows."""
        table = self._served(choice).table
        row = choice.form.row_bytes(choice.shard_columns(table), self.rates.layout)
        return RowCache(choice.shard_rows(table), row, max(choice.cached_rows or 0, ASSOCIATIVITY))

    def _units(self, side: Side) -> float:
        """Of the largest batches, of all workers."""
        largest = self.largest.queries if side is Side.USER else self.largest.candidates
        return largest * self.case.serving.replicas.workers


@cache
def _kept_share(access: Access, rows: int, pooling: float, kept: int) -> float:
    """Of the ids, those of the hottest rows."""
    return access.distribution(rows, pooling).hottest_share(kept / rows)


def all_choices(case: ServedCase) -> tuple[PlacedTable, ...]:
    """Format x memory x rows left x way of each table, as far as they fit together.

    Small tables stay whole. Caches, which begin with no rows, only for large ones whole or cut by
    rows, and where HBM does not hold all tables in their widest formats. Tables with rows left out
    have no caches, and are not cut by rows: the array that finds rows is of a whole table.
    """
    bytes_large, is_large = _large(case)
    cached_ones = bytes_large if _caches(case) else frozenset()
    return tuple(
        PlacedTable(index, form, tier, way, cached, pruned)
        for index, served in enumerate(case.serving.tables)
        for form in served.losses
        for tier, cached in _MEMORIES
        if case.replica.has(tier) and (cached is None or index in cached_ones)
        for pruned in (None, *(served.prunings if cached is None else ()))
        for way in _ways_of(case, served, form)
        if way.shards == 1 or index in is_large
        if cached is None or way.sharding is not ShardingType.COLUMN_WISE
        if pruned is None or not way.cuts_rows
    )


_MEMORIES = ((MemoryTier.HBM, None), (MemoryTier.DDR, None), (MemoryTier.DDR, 0))
"""With the rows of a cache, which grows from none; None: no cache."""
_LARGE = 0.01
"""Of the HBM of a device, or of what a device reads on average: smaller tables are soon evened out
whole, and free next to nothing in DDR."""


def _large(case: ServedCase) -> tuple[frozenset[int], frozenset[int]]:
    """The tables with many bytes, and those with many bytes or reads."""
    hbm, batch = float(case.replica.capacity_bytes[0]), BatchShape.typical(case.serving)
    units = {Side.USER: batch.queries, Side.ITEM: batch.candidates}
    reads = [
        each.table.ids_per_sample * each.table.dim * units[each.side]
        for each in case.serving.tables
    ]
    least = _LARGE * sum(reads) / case.replica.devices
    heavy = {index for index, size in enumerate(_widest(case)) if size > _LARGE * hbm}
    busy = {index for index, read in enumerate(reads) if read > least}
    return frozenset(heavy), frozenset(heavy | busy)


def _caches(case: ServedCase) -> bool:
    """Whether the cost model knows of caches, and memory is scarce."""
    is_known = Rates.of(case).cache_seconds_per_id is not None
    hbm = float(case.replica.capacity_bytes[0]) * case.replica.devices
    return is_known and sum(_widest(case)) > hbm


def _widest(case: ServedCase) -> list[int]:
    """Bytes of each table in the widest format that is offered."""
    layout = RowLayout.of(case.kind)
    return [
        max(form.table_bytes(each.table.rows, each.table.dim, layout) for form in each.losses)
        for each in case.serving.tables
    ]


def _ways_of(case: ServedCase, served: ServedTable, form: StoredFormat) -> Iterator[Way]:
    for way in ways(case.replica.devices):
        parts = 1 if way.cuts_rows else way.shards
        width, rest = divmod(served.table.dim, parts)
        is_cut = parts > 1
        if way.cuts_rows and served.table.rows < way.shards:
            continue
        if not is_cut or (not rest and not width % _WIDTH and form.fits(width)):
            yield way
