"""How often each id of a table was read on each day: one group-by, the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.profile.engine.engine import Engine, Frame
    from shardplan.profile.features.table_rule import FeatureRule, TableRule

DAY = "__day"
"""The column that says which day a sample is of, from 0."""
_LARGEST = 2**63 - 1
RARE = -(2**63) + 1
"""Stands for all ids that a dictionary leaves out; no id of the data, which may be below 0."""


def reads_on(day: int, days: int) -> nw.Expr:
    """How often an id was read on a day; on the first of several what other days leave."""
    return nw.col(later_reads(day)) if day else reads_until(day, days)


def reads_until(day: int, days: int) -> nw.Expr:
    """How often an id was read on a day and before: what later days leave."""
    found = nw.col("reads")
    for later in range(day + 1, days):
        found = found - nw.col(later_reads(later))
    return found


def later_reads(day: int) -> str:
    """The column of reads of a day that is not the first."""
    return f"reads_{day}"


def id_counts(samples: Frame, rule: TableRule, days: int, engine: Engine) -> Frame:
    """Columns ``id``, ``reads`` and, of all days but the first, ``reads_1`` and so on; an id a row.

    Ids are those that the trainer's mapping gives, but a dictionary's, which keep their own.
    """
    parts = [_rows_of(samples, feature, rule, engine) for feature in rule.features]
    ids = engine.joined(parts) if len(parts) > 1 else parts[0]
    counts = ids.group_by("id").agg(
        nw.col("id").count().cast(nw.Int64).alias("reads"), *_by_day(days)
    )
    return rare_together(counts, rule, days)


def rare_together(counts: Frame, rule: TableRule, days: int) -> Frame:
    """Counts with one row for all ids that a dictionary leaves out, as they are by other rules."""
    if not rule.mapping.has_rare:
        return counts
    named = nw.when(nw.col("reads") < rule.mapping.number).then(nw.lit(RARE))
    columns = ["reads", *(later_reads(day) for day in range(1, days))]
    sums = [nw.col(name).sum().cast(nw.Int64).alias(name) for name in columns]
    mapped = counts.with_columns(named.otherwise(nw.col("id")).cast(nw.Int64).alias("id"))
    return mapped.group_by("id").agg(*sums)


def _by_day(days: int) -> list[nw.Expr]:
    # Counts, since engines add whole numbers up in 128 bits; of the first day what is left.
    of_days = {day: nw.when(nw.col(DAY) == day).then(nw.col("id")) for day in range(1, days)}
    return [ids.count().cast(nw.Int64).alias(later_reads(day)) for day, ids in of_days.items()]


def _rows_of(samples: Frame, feature: FeatureRule, rule: TableRule, engine: Engine) -> Frame:
    ids, is_wide_kind = ids_of(samples, feature, engine)
    ids = ids.filter(~nw.col("id").is_null())
    if is_wide_kind:
        ids = ids.filter(nw.col("id") <= _LARGEST)
    return ids.select(rule.mapping.row_of(nw.col("id").cast(nw.Int64)).alias("id"), DAY)


def ids_of(samples: Frame, feature: FeatureRule, engine: Engine) -> tuple[Frame, bool]:
    """A row for each id that a feature has, or lacks, and its day; and whether ids exceed 63 bits.

    What of an empty list is a row without an id, or none, is the engine's affair.
    """
    kind = engine.schema(samples)[feature.column]
    is_list = isinstance(kind, nw.List)
    samples = unpadded(samples, feature, engine)
    if is_list and feature.truncate is not None:
        back = feature.keep == "back"
        samples = engine.cut(samples, feature.column, feature.truncate, is_back=back)
    held = nw.col(feature.column)
    if feature.missing is not None and not is_list:
        held = held.fill_null(feature.missing)
    ids = samples.select(held.alias("id"), DAY)
    if is_list:
        ids = ids.explode("id")
    inner = kind.inner if isinstance(kind, nw.List) else kind
    return ids, is_wide(inner)


def unpadded(samples: Frame, feature: FeatureRule, engine: Engine) -> Frame:
    """Samples whose lists are without what fills them up."""
    if feature.padding is None:
        return samples
    return engine.without(samples, feature.column, feature.padding)


def is_wide(kind: Any) -> bool:
    """Whether a type holds numbers beyond 63 bits."""
    return kind in (nw.UInt64, nw.Decimal)


def integers(frame: Frame, *columns: str) -> list[NDArray[np.int64]]:
    """Columns of the few rows that leave an engine, as whole numbers whatever it made of them."""
    table = frame.select(*columns).collect("pyarrow").to_native()
    return [
        np.asarray(table.column(name).cast("int64").to_numpy(), dtype=np.int64) for name in columns
    ]


def sums(frame: Frame, expressions: Sequence[nw.Expr]) -> list[int]:
    """One row of whole numbers; 0 where there is none."""
    table = frame.select(*expressions).collect("pyarrow").to_native()
    return [int(column[0].as_py() or 0) for column in table.columns]
