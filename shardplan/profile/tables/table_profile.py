"""What a profile says of one table: as a spec has it, and what else the data shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.features.id_mapping import MappingKind
from shardplan.profile.fit.access_form import AccessForm
from shardplan.profile.fit.file_order import WORTH_SAYING, file_order
from shardplan.profile.fit.fitted_access import access_of
from shardplan.profile.fit.row_order_of import row_order_of
from shardplan.profile.fit.sample_says import sample_says
from shardplan.spec.tables.table_spec import MOST_ROWS, TableSpec
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.profile.count.feature_counts import FeatureCounts
    from shardplan.profile.count.list_ends import Filler
    from shardplan.profile.count.observed_batches import ObservedBatch
    from shardplan.profile.count.table_counts import TableCounts
    from shardplan.profile.features.table_rule import TableRule
    from shardplan.profile.fit.file_order import FileOrder
    from shardplan.profile.fit.fitted_access import FittedAccess
    from shardplan.profile.fit.sample_says import SampleSays

_DIGITS = 9
"""Of what is written: sums of floats differ behind them from machine to machine."""
_SPARSE = 2.0
"""Rows over ids that were read, from which on ids are not numbered without gaps."""
_MOSTLY = 0.5
"""New ids beyond chance over those of a day, from which on a table is told to grow."""
_LIKE_KEYS = 0.8
"""Distinct ids over reads from which on a column looks like a key of samples."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a profile is made for."""

    batch: int = 65_536
    """Samples of a step, over all devices."""
    sample_share: float = 1.0
    """Of the data that was read."""
    form: AccessForm = AccessForm.CDF
    is_shuffled: bool = False
    """Whether the job shuffles all samples, so that their order in the files says nothing."""
    skew_days: int = 1
    """Days at the end of the data, of those that have samples, that skew is of; rows are of all."""


@dataclass(frozen=True, eq=False, slots=True)
class TableProfile:
    """Of one table."""

    rule: TableRule
    counts: TableCounts
    features: tuple[FeatureCounts, ...]
    batches: tuple[ObservedBatch, ...]
    asked: Asked
    spec: TableSpec
    fitted: FittedAccess
    says: SampleSays
    order: FileOrder | None
    hot_ids: int = 0
    """How many of the hottest the job is to know."""
    fillers: tuple[Filler, ...] = ()
    """Ids that fill lists up, of which no rule says so."""

    @property
    def warnings(self) -> Iterator[str]:
        """What somebody should know before the table is planned."""
        counts, name = self.counts, self.rule.name
        if counts.below_zero:
            yield f"{name}: {counts.below_zero:,} ids below 0 were left out; map them (--features)"
        if large := sum(each.too_large for each in self.features):
            yield f"{name}: {large:,} ids of 2^63 and more were left out"
        if not counts.frequencies.accesses:
            yield f"{name}: no id was read"
            return
        yield from self._of_rules()
        yield from self._of_rows()
        yield from self._of_batches()

    def _of_rules(self) -> Iterator[str]:
        """Of what the features file says, or should."""
        rows, counts, name = self.spec.rows, self.counts, self.rule.name
        if not counts.last.accesses:
            yield f"{name}: no id was read on the days that skew is of: uniform is a guess"
        if (told := self.rule.rows) is not None and told < rows:
            yield f"{name}: {told:,} rows are told, and its ids need {rows:,}, which is written"
        if (padding := self.rule.padding) is not None and not counts.padding_reads:
            yield (
                f"{name}: no id that was read is its padding, {padding:,}, for which there is a "
                f"row all the same, of {rows:,} in all; if an id fills lists up, it is another"
            )
        for each in self.fillers:
            yield (
                f"{name}: {each.id} fills lists of {each.feature} up, by a few batches "
                f"about {each.share:.0%} of its ids; write padding: {each.id} in the features "
                "file, of the feature where the trainer leaves it out, of the table where it looks "
                "it up"
            )
        if self.hot_ids and self.rule.mapping.is_dictionary:
            yield (
                f"{name}: its hot rows are ids of the data (column raw_id); which rows "
                "they have, the trainer's dictionary knows"
            )
        elif self.hot_ids and not self.rule.mapping.knows_rows:
            yield f"{name}: no hot rows are written: which they are, the trainer's hash knows"

    def _of_rows(self) -> Iterator[str]:
        """Of how many rows there are, and how many are new."""
        rows, counts, name = self.spec.rows, self.counts, self.rule.name
        touched = counts.frequencies.rows_touched
        if not self.says.tells_rows and not self._is_told:
            yield (
                f"{name}: {rows:,} rows is what a sample shows, and there may be more; "
                "profile all data, or write rows in the features file"
            )
        elif not self._is_told and rows > _SPARSE * touched:
            yield (
                f"{name}: ids up to {counts.largest_id:,}, of which {touched:,} were read; "
                "map them (mod, hash, dictionary), or write rows in the features file"
            )
        last, by_chance = counts.newest_day, counts.new_by_chance
        if counts.skew[-1] and last.rows_new - by_chance > _MOSTLY * last.rows_touched:
            yield (
                f"{name}: {last.rows_new:,} of the {last.rows_touched:,} ids of the last day were "
                f"never read before, {by_chance:,.0f} by chance: the table grows, and rows are of "
                "the days that were read"
            )
        if touched > _LIKE_KEYS * counts.frequencies.accesses and touched > self.asked.batch:
            yield f"{name}: nearly every read is of another id, like a key of samples"

    def _of_batches(self) -> Iterator[str]:
        """Of what batches touch, by day and by the order of samples."""
        counts, name = self.counts, self.rule.name
        if (colder := self._colder_than_a_day) > WORTH_SAYING:
            yield (
                f"{name}: batches of {len(counts.skew)} days together "
                f"touch {colder:.1%} more rows than those of the last day; fewer --skew-days"
            )
        if self.order is not None and self.order.is_other and not self.asked.is_shuffled:
            written = "" if self.order.has_repeats else ", which is what is written"
            yield (
                f"{name}: batches as they come touch {self.order.observed_rows:,.0f} rows, in "
                f"random order {self.order.sample_rows:,.0f}{written}; "
                "--shuffled where the job shuffles all samples"
            )
        if self.order is not None and self.order.has_repeats:
            yield (
                f"{name}: ids stand in a sample more than once: batches touch "
                f"{self.order.sample_rows:,.0f} rows in any order of samples, and by what is "
                f"written {self.order.random_rows:,.0f}, that of reads one by one; make ids of a "
                "sample distinct where the trainer does"
            )

    @property
    def _colder_than_a_day(self) -> float:
        """By what share days together have more distinct rows in a batch than the last of them."""
        last, newest = self.counts.last, self.counts.newest
        reads = sum(each.pooling for each in self.features) * self.asked.batch
        draws = min(reads, newest.accesses)
        if newest is last or not draws:
            return 0.0
        return last.distinct_rows(draws) / newest.distinct_rows(draws) - 1

    @property
    def _is_told(self) -> bool:
        return self.rule.rows is not None or self.rule.mapping.rows is not None


def table_profile(
    rule: TableRule,
    counts: TableCounts,
    features: Sequence[FeatureCounts],
    batches: Sequence[ObservedBatch],
    asked: Asked,
    *,
    by_order: float | None = None,
    hot_ids: int = 0,
    fillers: Sequence[Filler] = (),
) -> TableProfile:
    """Fit what was counted; ``batches`` are of the last day, ``hot_ids`` are known to the job.

    ``by_order`` is as in :func:`file_order`.

    Raises InputError where ids as they are need more rows than a table can have.
    """
    rows = _rows(rule, counts)
    if rows > MOST_ROWS:
        raise InputError([_too_many(rule, counts)])
    poolings = [round(each.pooling, _DIGITS) for each in features]
    all_reads = counts.frequencies.accesses + counts.padding_reads
    padded = counts.padding_reads / all_reads if all_reads else 0.0
    # Of a padded table access is about the other rows, and the reads of those.
    others = rows if rule.padding is None else max(rows - 1, 1)
    pooling = sum(poolings) * (1 - padded)
    reads = asked.batch * pooling
    fitted = access_of(counts.last, others, reads, form=asked.form, pooling=pooling or 1.0)
    has_lists = any(each.is_list for each in features)
    said: dict[str, Any] = {
        "name": rule.name,
        "module": rule.module,
        "rows": rows,
        "features": [each.feature for each in features],
        "pooling": poolings[0] if len(poolings) == 1 else poolings,
        "cap": _caps(features) if has_lists else None,
        "access": fitted.access,
        "ids": _order(rule, counts),
        "weighted": True if rule.is_weighted else None,
        "hot_ids": hot_ids if hot_ids and rule.mapping.knows_rows else None,
    }
    if asked.sample_share < 1 and rule.rows is None and rule.mapping.rows is None:
        said["sampled"] = asked.sample_share
    if rule.padding is not None:
        said["padding"] = {"id": rule.padding, "share": f"{padded:.7%}"}
    spec = TableSpec.model_validate(said)
    # Of a sample, a batch from elsewhere may read more than all of it does.
    held = [each for each in batches if each.accesses <= counts.last.accesses]
    observed = file_order(
        counts.last,
        [each.accesses for each in held],
        [each.distinct_rows for each in held],
        by_order,
    )
    says = sample_says(counts.last, reads, asked.sample_share)
    return TableProfile(
        rule, counts, tuple(features), tuple(batches), asked, spec, fitted, says, observed, hot_ids,
        tuple(fillers),
    )  # fmt: skip


def _rows(rule: TableRule, counts: TableCounts) -> int:
    """Of the model, where it is known; else as many as the ids need."""
    told = rule.rows or rule.mapping.rows
    if rule.mapping.kind is MappingKind.DICTIONARY:
        needed = counts.frequencies.rows_touched + (rule.padding is not None)
    else:
        needed = counts.largest_id + 1
    if rule.padding is not None:
        needed = max(needed, rule.padding + 1)
    return max(told or 0, needed, 1)


def _too_many(rule: TableRule, counts: TableCounts) -> Diagnostic:
    message = f"ids up to {counts.largest_id:,} as rows, and a table has at most {MOST_ROWS:,}"
    hint = "say what the trainer does to them (--features: mapping mod, hash or dictionary)"
    return Diagnostic(f"table {rule.name}", 0, 0, "", message, hint, code="data")


def _caps(features: Sequence[FeatureCounts]) -> float | list[float]:
    caps = [float(max(each.most, 1)) for each in features]
    return caps[0] if len(caps) == 1 else caps


def _order(rule: TableRule, counts: TableCounts) -> RowOrder | None:
    match rule.mapping.kind:
        case MappingKind.DICTIONARY:
            return RowOrder.BY_FREQUENCY
        case MappingKind.HASH:
            return RowOrder.HASHED
        case _:
            return row_order_of(counts.order)
