"""From samples to a profile: count each table, look at batches, fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.count.feature_counts import feature_counts
from shardplan.profile.count.id_counts import DAY, sums
from shardplan.profile.count.ids_by_sample import IdsBySample
from shardplan.profile.count.observed_batches import SeenLists, observed_batch
from shardplan.profile.count.skew_range import skew_range
from shardplan.profile.count.table_counts import reduced_counts, table_counts
from shardplan.profile.features.inferred import check_columns, inferred_rules
from shardplan.profile.fit.merging import JointRows, merge_candidates, pairs_to_count
from shardplan.profile.reporter import ProfileReporter
from shardplan.profile.sources.found import natural
from shardplan.profile.tables.profile import Profile
from shardplan.profile.tables.table_profile import Asked, table_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from shardplan.profile.count.kept_counts import KeptCounts
    from shardplan.profile.engine.engine import Engine, Frame
    from shardplan.profile.features.table_rule import TableRule
    from shardplan.profile.tables.table_profile import TableProfile

MOST_DAYS = 64
_HOT_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples on an engine."""

    engine: Engine
    frames: tuple[tuple[str, Frame], ...]
    """By day, the last one last; all of the same columns."""
    sources: tuple[str, ...] = ()
    dictionaries: Collection[str] = ()
    """Columns whose ids are looked up where no rule says otherwise."""
    numbers: Collection[str] = ()
    """Columns of whole numbers that are no ids."""
    remarks: tuple[str, ...] = ()
    """What is to be told of the files."""
    kept: KeptCounts | None = None
    """Counts of the same samples that are kept for later, and may be known from before."""

    @property
    def days(self) -> tuple[str, ...]:
        """What the days are called."""
        return tuple(day for day, _ in self.frames if day)

    def all_of(self, columns: Collection[str]) -> Frame:
        """The columns of all days, with the number of the day."""
        parts = [
            frame.select(*sorted(columns), nw.lit(number).cast(nw.Int64).alias(DAY))
            for number, (_, frame) in enumerate(self.frames)
        ]
        return self.engine.joined(parts) if len(parts) > 1 else parts[0]


def by_day(frame: Frame, column: str) -> tuple[tuple[str, Frame], ...]:
    """A frame by the values of a column, of points in time by their dates.

    Numbers are in their order, whether a column holds them or their text. Raises InputError where
    the column is missing, samples have no day, or there are more than 64.
    """
    schema = frame.collect_schema()
    if column not in schema:
        message = f"the column {column!r} of days is missing"
        raise InputError([Diagnostic("--day", 0, 0, "", message, code="data")])
    day = nw.col(column)
    if schema[column].is_temporal():
        day = day.cast(nw.Date)
    frame = frame.with_columns(day.cast(nw.String).alias(DAY))
    grouped = frame.group_by(DAY).agg(nw.len().cast(nw.Int64).alias("samples"))
    table = grouped.collect("pyarrow").to_native()
    found = dict(
        zip(table.column(DAY).to_pylist(), table.column("samples").to_pylist(), strict=True)
    )
    if without := found.pop(None, 0):
        message = f"{without:,} samples have nothing in the column {column!r} of days"
        hint = "give each sample a day, or leave them out of the data"
        raise InputError([Diagnostic("--day", 0, 0, "", message, hint, code="data")])
    days = _in_order(found)
    if not days or len(days) > MOST_DAYS:
        message = f"the column {column!r} has {len(days):,} different values; at most {MOST_DAYS}"
        raise InputError([Diagnostic("--day", 0, 0, "", message, code="data")])
    return tuple((each, frame.filter(nw.col(DAY) == each).drop(DAY)) for each in days)


def _in_order(days: Collection[str]) -> list[str]:
    try:
        return sorted(days, key=lambda day: (float(day), day))
    except ValueError:
        return sorted(days, key=natural)


def make_profile(
    samples: Samples,
    asked: Asked,
    rules: Sequence[TableRule] = (),
    batches: Callable[[Collection[str]], Iterable[pa.Table]] | None = None,
    *,
    hot: int = 0,
    old_hot: Mapping[str, NDArray[np.int64]] | None = None,
    looks_for_merging: bool = False,
    reporter: ProfileReporter | None = None,
) -> Profile:
    """Count and fit every table; ``rules`` by default are a table for each column of ids.

    ``batches`` gives the columns of a few batches as they lie in the files. ``hot`` ids of each
    table are kept, and the reads of ``old_hot`` ones of older data. Raises
    InputError for columns that are missing or hold no ids, and for ids that no table can have as
    rows.
    """
    schema = dict(samples.engine.schema(samples.frames[0][1]))
    source = samples.sources[0] if samples.sources else "samples"
    chosen = tuple(rules) or _inferred(samples, schema, source)
    check_columns(chosen, schema, source)
    of_days = _samples_of_days(samples, list(schema)[:1])
    if not sum(of_days):
        raise InputError([Diagnostic(source, 0, 0, "", "holds no samples", code="data")])
    skew = skew_range(of_days, asked.skew_days)
    hears = reporter or ProfileReporter()
    found: list[TableProfile] = []
    faults: list[Diagnostic] = []
    for done, rule in enumerate(chosen):
        hears.counting(rule.name, done, len(chosen))
        try:
            found.append(_table(samples, rule, asked, skew, batches, hot, old_hot or {}))
        except InputError as error:
            faults += error.diagnostics
    if faults:
        raise InputError(faults)
    merging = _joint(samples, found) if looks_for_merging else []
    return Profile(
        tuple(found),
        samples.sources,
        of_days,
        samples.days,
        asked,
        tuple(merge_candidates(merging)),
        samples.remarks,
    )


def _samples_of_days(samples: Samples, columns: Collection[str]) -> tuple[int, ...]:
    days = range(len(samples.frames))
    asked = [(nw.col(DAY) == day).cast(nw.Int64).sum().alias(f"samples_{day}") for day in days]
    return tuple(sums(samples.all_of(columns), asked))


def _inferred(samples: Samples, schema: Mapping[str, Any], source: str) -> tuple[TableRule, ...]:
    ids = {name: kind for name, kind in schema.items() if name not in samples.numbers}
    return inferred_rules(ids, source, samples.dictionaries, samples.remarks)


def _table(
    samples: Samples,
    rule: TableRule,
    asked: Asked,
    skew: range,
    batches: Callable[[Collection[str]], Iterable[pa.Table]] | None,
    hot: int,
    old_hot: Mapping[str, NDArray[np.int64]],
) -> TableProfile:
    columns = {feature.column for feature in rule.features}
    asked_for = old_hot.get(rule.name, np.zeros(0, np.int64))
    days, kept = len(samples.frames), max(hot, _HOT_SHOWN)
    told = (rule, days, samples.engine, kept, asked_for, skew)
    if samples.kept is not None:
        counts = reduced_counts(samples.kept.id_counts(rule, days), *told)
        features = samples.kept.feature_counts(rule)
    else:
        frame = samples.all_of(columns)
        counts = table_counts(frame, *told)
        features = feature_counts(frame, rule, samples.engine, counts.looked_up)
    seen, by_sample, observed = SeenLists(rule), IdsBySample(), []
    for batch in batches(columns) if batches else ():
        seen.see(batch)
        # Which ids of a batch are rare, and share a row, no batch tells.
        if not rule.mapping.has_rare:
            observed.append(observed_batch(batch, rule, by_sample))
    known = min(hot, len(counts.hot_ids))
    return table_profile(
        rule, counts, features, observed, asked,
        by_order=by_sample.by_order, hot_ids=known, fillers=seen.fillers(),
    )  # fmt: skip


def _joint(samples: Samples, tables: Sequence[TableProfile]) -> list[JointRows]:
    """Distinct pairs of ids of small tables that one scalar column reads each."""
    by_name: dict[str, Any] = {
        table.rule.name: table
        for table in tables
        if len(table.features) == 1 and not table.features[0].is_list
    }
    rows = {name: each.counts.frequencies.rows_touched for name, each in by_name.items()}
    found = []
    for pair in pairs_to_count(rows):
        columns = [by_name[name].rule.features[0].column for name in pair]
        kept = [~nw.col(column).is_null() for column in columns]
        grouped = samples.all_of(columns).filter(*kept).group_by(*columns).agg(nw.len())
        (joint,) = sums(grouped, [nw.len().alias("pairs")])
        found.append(JointRows(pair, (rows[pair[0]], rows[pair[1]]), joint))
    return found
