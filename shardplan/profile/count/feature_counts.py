"""How many ids of a feature each sample has, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from shardplan.profile.count.id_counts import ids_of, integers, is_wide, sums, unpadded
from shardplan.profile.features.id_mapping import MappingKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.profile.engine.engine import Engine, Frame
    from shardplan.profile.features.table_rule import FeatureRule, TableRule

_QUANTILES = (0.5, 0.9, 0.99)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, eq=False, slots=True)
class FeatureCounts:
    """Of one feature; lengths are after truncation, as they are in the data."""

    feature: str
    is_list: bool
    lengths: NDArray[np.int64]
    """(L,): ids of a sample, ascending."""
    samples: NDArray[np.int64]
    """(L,): samples that have so many."""
    missing: int
    """Samples without a value, or without a list."""
    too_large: int
    """Ids of 2^63 and more, which no table has: counted and left out."""
    no_rows: int = 0
    """Ids in all, missing ones in lists among them, that no table has and that are left out."""

    @property
    def count(self) -> int:
        """Samples."""
        return int(self.samples.sum())

    @property
    def ids(self) -> int:
        """All of them, those that are left out as well."""
        return int(np.dot(self.lengths, self.samples))

    @property
    def pooling(self) -> float:
        """Mean ids per sample that are looked up."""
        return (self.ids - self.no_rows) / max(self.count, 1)

    @property
    def variance(self) -> float:
        """Of the ids per sample, over all samples, those that are left out as well."""
        mean = self.ids / max(self.count, 1)
        return float(np.dot((self.lengths - mean) ** 2, self.samples)) / max(self.count, 1)

    @property
    def most(self) -> int:
        """Ids of the sample that has most."""
        return int(self.lengths[-1]) if len(self.lengths) else 0

    @property
    def empty(self) -> int:
        """Samples that look nothing up."""
        return int(self.samples[self.lengths == 0].sum())

    @property
    def quantiles(self) -> dict[str, int]:
        """Lengths that so many of the samples do not exceed."""
        below = np.cumsum(self.samples)
        at = {f"{share:g}": int(np.searchsorted(below, share * self.count)) for share in _QUANTILES}
        return {share: int(self.lengths[index]) for share, index in at.items() if self.count}


def added(parts: Sequence[FeatureCounts]) -> FeatureCounts:
    """Of all samples, from those of parts of them."""
    first = parts[0]
    lengths, of = np.unique(np.concatenate([each.lengths for each in parts]), return_inverse=True)
    samples = np.zeros(len(lengths), np.int64)
    np.add.at(samples, of, np.concatenate([each.samples for each in parts]))
    missing, too_large, no_rows = (
        sum(getattr(each, name) for each in parts) for name in ("missing", "too_large", "no_rows")
    )
    return FeatureCounts(
        first.feature, first.is_list, lengths, samples, missing, too_large, no_rows
    )


def feature_counts(
    samples: Frame, rule: TableRule, engine: Engine, looked_up: int
) -> list[FeatureCounts]:
    """Count the lengths of a table's features, of which so many ids were ``looked_up``.

    Where that is fewer than there are, ids are left out, and are read once more to tell which.
    """
    found = [_lengths(samples, feature, engine) for feature in rule.features]
    if sum(each.ids for each in found) == looked_up:
        return found
    pairs = zip(rule.features, found, strict=True)
    return [_without_rows(samples, feature, rule, engine, each) for feature, each in pairs]


def _without_rows(
    samples: Frame, feature: FeatureRule, rule: TableRule, engine: Engine, found: FeatureCounts
) -> FeatureCounts:
    ids, is_wide_kind = ids_of(samples, feature, engine)
    row = nw.col("id")
    asked = [row.count().alias("held")]
    if rule.mapping.kind is MappingKind.AS_IS:
        asked.append((row < 0).cast(nw.Int64).sum().alias("below"))
    if is_wide_kind:
        asked.append((row > _LARGEST).cast(nw.Int64).sum().alias("large"))
    held, *none_has = sums(ids, asked)
    large = none_has[-1] if is_wide_kind else 0
    return replace(found, too_large=large, no_rows=found.ids - held + sum(none_has))


def _lengths(samples: Frame, feature: FeatureRule, engine: Engine) -> FeatureCounts:
    kind = engine.schema(samples)[feature.column]
    held = nw.col(feature.column)
    if not isinstance(kind, nw.List):
        asked = [nw.len().alias("all"), held.is_null().cast(nw.Int64).sum().alias("missing")]
        if is_wide(kind):
            asked.append((held > _LARGEST).cast(nw.Int64).sum().alias("large"))
        count, missing, *large = sums(samples, asked)
        left_out = sum(large) + (missing if feature.missing is None else 0)
        pairs = [(0, left_out), (1, count - left_out)]
        lengths, counts = np.array([p for p in pairs if p[1]], np.int64).reshape(-1, 2).T
        return FeatureCounts(feature.feature, False, lengths, counts, missing, sum(large))
    samples = unpadded(samples, feature, engine)
    length = held.list.len().fill_null(0).cast(nw.Int64)
    grouped = (
        samples.select(length.alias("length"), held.is_null().cast(nw.Int64).alias("missing"))
        .group_by("length")
        .agg(nw.len().cast(nw.Int64).alias("samples"), nw.col("missing").sum().alias("missing"))
        .sort("length")
    )
    lengths, counts, missing_of = integers(grouped, "length", "samples", "missing")
    if feature.truncate is not None:
        cut = np.minimum(lengths, feature.truncate)
        lengths, inverse = np.unique(cut, return_inverse=True)
        counts = np.bincount(inverse, weights=counts, minlength=len(lengths)).astype(np.int64)
    return FeatureCounts(feature.feature, True, lengths, counts, int(missing_of.sum()), 0)
