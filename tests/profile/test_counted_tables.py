"""What the embedded engine counts, beside numpy."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from sampled_days import ROWS, ids_of, lengths_of, write_days

from shardplan.profile.features.id_mapping import IdMapping, MappingKind
from shardplan.profile.features.table_rule import FeatureRule, TableRule
from shardplan.profile.profile_files import Reading, profile_files
from shardplan.profile.tables.table_profile import Asked

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.profile.tables.profile import Profile
    from shardplan.profile.tables.table_profile import TableProfile

SAMPLES = 6_000
ASKED = Asked(batch=500)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_days(tmp_path_factory.mktemp("profile") / "days", SAMPLES)


def profiled(days: Path, *rules: TableRule, **more: object) -> Profile:
    reading = Reading(day="day_*", **more)  # type: ignore[arg-type]
    return profile_files([str(days / "*.parquet")], ASKED, reading, rules, hot=50)


def ruled(days: Path, rule: TableRule) -> TableProfile:
    return profiled(days, rule).tables[0]


def test_every_whole_number_equals_numpys(days: Path) -> None:
    found = profiled(days)
    assert [table.rule.name for table in found.tables] == ["ad", "history", "site"] or [
        table.rule.name for table in found.tables
    ] == ["site", "ad", "history"]
    for table in found.tables:
        ids = ids_of(days, table.rule.name)
        distinct, reads = np.unique(ids, return_counts=True)
        counts = table.counts
        times, how_many = np.unique(reads, return_counts=True)
        np.testing.assert_array_equal(counts.frequencies.reads, times)
        np.testing.assert_array_equal(counts.frequencies.ids, how_many)
        assert counts.largest_id == ids.max() == table.spec.rows - 1
        for day, of_day in enumerate(counts.days):
            alone = ids_of(days, table.rule.name, range(day, day + 1))
            assert (of_day.accesses, of_day.rows_touched) == (len(alone), len(np.unique(alone)))
        recent, recent_reads = np.unique(alone, return_counts=True)
        order = np.lexsort((recent, -recent_reads))[:50]
        np.testing.assert_array_equal(counts.hot_ids, recent[order])
        np.testing.assert_array_equal(counts.hot_reads, recent_reads[order])
        _, last = np.unique(recent_reads, return_counts=True)
        np.testing.assert_array_equal(counts.last.ids, last)
        logs = np.log2(reads)
        assert counts.order.correlation == pytest.approx(np.corrcoef(distinct, logs)[0, 1])


def test_lengths_of_lists_count_missing_ones_as_empty(days: Path) -> None:
    history = next(t for t in profiled(days).tables if t.rule.name == "history").features[0]
    lengths = lengths_of(days, "history")
    assert history.count == len(lengths) == 2 * SAMPLES
    assert history.pooling == pytest.approx(lengths.mean())
    assert history.variance == pytest.approx(lengths.var())
    assert history.most == lengths.max()
    assert history.empty == (lengths == 0).sum()


def test_batches_are_observed_as_they_lie_in_the_files(days: Path) -> None:
    site = next(table for table in profiled(days).tables if table.rule.name == "site")
    assert len(site.batches) == 12
    assert site.order is not None
    assert site.order.excess == pytest.approx(0, abs=0.02)
    assert not list(site.warnings)


@pytest.mark.parametrize("keep", ["front", "back"])
def test_histories_are_truncated_as_the_trainer_does(days: Path, keep: str) -> None:
    feature = FeatureRule(column="history", truncate=2, keep=keep)  # type: ignore[arg-type]
    table = ruled(days, TableRule(name="t", features=(feature,)))
    wanted: Counter[int] = Counter()
    for each in lists(days):
        wanted.update(each[:2] if keep == "front" else each[-2:])
    assert table.counts.frequencies.accesses == sum(wanted.values())
    assert table.counts.frequencies.rows_touched == len(wanted)
    assert table.features[0].most == 2
    assert sum(batch.accesses for batch in table.batches) < sum(wanted.values())


def lists(days: Path) -> list[list[int]]:
    from pyarrow import parquet

    both = (parquet.read_table(days / f"day_{day}.parquet")["history"] for day in range(2))
    return [each or [] for column in both for each in column.to_pylist()]


def test_features_of_one_table_are_counted_together(days: Path) -> None:
    features = (FeatureRule(column="site"), FeatureRule(column="history", name="seen"))
    table = ruled(days, TableRule(name="t", features=features))
    both = np.concatenate([ids_of(days, "site"), ids_of(days, "history")])
    assert table.counts.frequencies.accesses == len(both)
    assert table.counts.frequencies.rows_touched == len(np.unique(both))
    assert table.spec.features == ("site", "seen")
    assert table.spec.pooling == tuple(round(each.pooling, 9) for each in table.features)


def test_a_missing_value_may_be_a_row_of_its_own(days: Path) -> None:
    rule = TableRule(name="t", features=(FeatureRule(column="site", missing=0),))
    table = ruled(days, rule)
    assert table.counts.frequencies.accesses == 2 * SAMPLES
    assert table.spec.pooling == 1


def test_ids_are_counted_as_the_rows_that_they_are_mapped_to(days: Path) -> None:
    mapping = IdMapping(MappingKind.MOD, 100)
    table = ruled(days, TableRule(name="t", features=(FeatureRule(column="ad"),), mapping=mapping))
    rows, reads = np.unique(ids_of(days, "ad", range(1, 2)) % 100, return_counts=True)
    assert table.spec.rows == 100
    assert (
        dict(zip(table.counts.hot_ids, table.counts.hot_reads, strict=True)).items()
        <= dict(zip(rows, reads, strict=True)).items()
    )


def test_a_hash_touches_as_many_rows_as_chance_has_it() -> None:
    rows = 1_000_000
    for ids in (np.arange(rows), np.random.default_rng(0).integers(-(2**63), 2**63 - 1, rows)):
        found = IdMapping(MappingKind.HASH, rows).row_of(ids)
        assert found.min() >= 0
        assert found.max() < rows
        expected = rows * (1 - (1 - 1 / rows) ** rows)
        assert len(np.unique(found)) == pytest.approx(expected, rel=0.01)


def test_rare_ids_of_a_dictionary_share_a_row(days: Path) -> None:
    mapping = IdMapping(MappingKind.DICTIONARY, 5)
    table = ruled(days, TableRule(name="t", features=(FeatureRule(column="ad"),), mapping=mapping))
    _, reads = np.unique(ids_of(days, "ad"), return_counts=True)
    assert table.counts.rare_reads == reads[reads < 5].sum()
    assert table.spec.rows == (reads >= 5).sum() + 1


def test_padding_is_counted_apart(days: Path) -> None:
    rule = TableRule(name="t", features=(FeatureRule(column="history"),), padding=1)
    table = ruled(days, rule)
    ids = ids_of(days, "history")
    assert table.counts.padding_reads == (ids == 1).sum()
    assert table.counts.frequencies.accesses == (ids != 1).sum()
    assert table.spec.padding is not None
    assert table.spec.padding.share == pytest.approx((ids == 1).mean())


def test_a_limit_of_memory_changes_no_number(days: Path) -> None:
    free, limited = profiled(days), profiled(days, memory_bytes=100_000_000)
    for one, other in zip(free.tables, limited.tables, strict=True):
        assert one.spec == other.spec


def test_a_sample_is_of_whole_batches_and_tells_no_rows(days: Path) -> None:
    asked = Asked(batch=500, sample_share=0.25)
    found = profile_files([str(days / "*.parquet")], asked)
    assert found.samples == 0.25 * 2 * SAMPLES
    table = found.tables[0]
    assert table.says.sample_share == 0.25
    assert not table.says.tells_rows
    assert table.spec.sampled == 0.25
    assert any("what a sample shows" in line for line in found.warnings)


def test_a_told_number_of_rows_is_no_longer_warned_about(days: Path) -> None:
    rule = TableRule(name="t", features=(FeatureRule(column="site"),), rows=5_000)
    asked = Asked(batch=500, sample_share=0.25)
    found = profile_files([str(days / "*.parquet")], asked, rules=[rule])
    assert (found.tables[0].spec.rows, found.tables[0].spec.sampled) == (5_000, None)
    assert not any("rows is what" in line for line in found.warnings)
    assert ROWS["site"] < 5_000
