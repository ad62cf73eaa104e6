"""All that a profile says, for programs and for people who want more than a spec holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.version import __version__

if TYPE_CHECKING:
    from shardplan.profile.count.feature_counts import FeatureCounts
    from shardplan.profile.tables.profile import Profile
    from shardplan.profile.tables.table_profile import TableProfile

FORMAT_VERSION = "1.0"
_HOT_SHOWN = 20
_DIGITS = 9


def profile_document(profile: Profile) -> dict[str, Any]:
    """As JSON has it; whole numbers are exact, others rounded to 9 digits behind the point."""
    return {
        "format_version": FORMAT_VERSION,
        "shardplan": __version__,
        "sources": list(profile.sources),
        "samples": profile.samples,
        "sample_share": profile.asked.sample_share,
        "days": list(profile.days),
        "skew_days": profile.asked.skew_days,
        "batch_samples": profile.asked.batch,
        "warnings": list(profile.warnings),
        "merge_candidates": [
            {"tables": list(pair.tables), "rows": list(pair.rows), "joint_rows": pair.joint_rows}
            for pair in profile.merging
        ],
        "tables": [_table(table) for table in profile.tables],
    }


def _table(table: TableProfile) -> dict[str, Any]:
    counts, order, says = table.counts, table.order, table.says
    order_correlation = counts.order.correlation
    return {
        "name": table.rule.name,
        "rule": table.rule.model_dump(mode="json", exclude_none=True),
        "rows": table.spec.rows,
        "rows_touched": counts.frequencies.rows_touched,
        "rows_read_once": counts.frequencies.read_once,
        "largest_id": counts.largest_id,
        "accesses": counts.frequencies.accesses,
        "days": [
            {"accesses": day.accesses, "rows_touched": day.rows_touched, "rows_new": day.rows_new}
            for day in counts.days
        ],
        "rare_reads": counts.rare_reads,
        "below_zero": counts.below_zero,
        "padding_reads": counts.padding_reads,
        "id_order_correlation": _rounded(order_correlation),
        "hot": [
            {"id": int(row), "reads": int(reads)}
            for row, reads in zip(
                counts.hot_ids[:_HOT_SHOWN], counts.hot_reads[:_HOT_SHOWN], strict=True
            )
        ],
        "frequencies": {
            "reads": counts.frequencies.reads.tolist(),
            "ids": counts.frequencies.ids.tolist(),
        },
        "fit_error": _rounded(table.fitted.error),
        "fit_error_at_batches": _rounded(table.fitted.worst_at),
        "sample_batches": _rounded(says.batches),
        "distinct_rows_of_a_batch": _rounded(says.distinct_rows),
        "distinct_rows_error": _rounded(says.distinct_rows_error),
        "tells": {"times": says.tells_times, "caches": says.tells_caches, "rows": says.tells_rows},
        "file_order": None
        if order is None
        else {
            "batches": order.batches,
            "observed_rows": _rounded(order.observed_rows),
            "random_rows": _rounded(order.random_rows),
            "sample_rows": _rounded(order.sample_rows),
            "is_other": order.is_other,
            "has_repeats": order.has_repeats,
        },
        "features": [_feature(each) for each in table.features],
    }


def _feature(feature: FeatureCounts) -> dict[str, Any]:
    return {
        "name": feature.feature,
        "samples": feature.count,
        "missing": feature.missing,
        "empty": feature.empty,
        "too_large": feature.too_large,
        "pooling_mean": _rounded(feature.pooling),
        "pooling_variance": _rounded(feature.variance),
        "pooling_most": feature.most,
        "pooling_quantiles": feature.quantiles,
        "lengths": {"ids": feature.lengths.tolist(), "samples": feature.samples.tolist()},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or value in (float("inf"),) else round(float(value), _DIGITS)
