"""Days of data: which of them skew is of, what each adds, and counts that are kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from sampled_days import ids_of, write_days

import shardplan
from shardplan.errors import InputError
from shardplan.profile.engine.duckdb_engine import DuckdbEngine
from shardplan.profile.features.id_mapping import IdMapping, MappingKind
from shardplan.profile.features.table_rule import FeatureRule, TableRule
from shardplan.profile.frequencies import Frequencies
from shardplan.profile.held_profile import held_profile, old_references
from shardplan.profile.make_profile import Samples
from shardplan.profile.profile_files import Reading, profile_files
from shardplan.profile.sources.day_runs import blocks_of_days
from shardplan.profile.tables.table_profile import Asked
from shardplan.profile.tables.write_profile import write_profile
from shardplan.solve.deadline import ENDLESS

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.profile.tables.profile import Profile

RULES = (
    TableRule(name="site", features=(FeatureRule(column="site", missing=0),)),
    TableRule(
        name="item",
        features=(FeatureRule(column="ad"), FeatureRule(column="history", truncate=3, padding=1)),
        mapping=IdMapping(MappingKind.DICTIONARY, 3),
    ),
    TableRule(name="below", features=(FeatureRule(column="below"),)),
)


def profiled(*paths: Path, day: str | None = "day_*", keep: str | None = None, **asked) -> Profile:
    reading = Reading(day=day, keep=keep)
    return profile_files([str(path) for path in paths], Asked(batch=500, **asked), reading)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_days(tmp_path_factory.mktemp("days"), 2_000)


def test_each_day_tells_how_many_ids_no_day_before_read(days: Path) -> None:
    for table in profiled(days).tables:
        first, last = (set(ids_of(days, table.rule.name, range(d, d + 1))) for d in range(2))
        told = [(day.rows_touched, day.rows_new) for day in table.counts.days]
        assert told == [(len(first), len(first)), (len(last), len(last - first))]


def test_skew_is_of_as_many_days_as_are_asked_for(days: Path, tmp_path: Path) -> None:
    table = parquet.read_table(days / "day_0.parquet")
    parquet.write_table(table, tmp_path / "day_7.parquet")
    parquet.write_table(table.slice(0, 600), tmp_path / "day_8.parquet")
    paths = (*sorted(days.glob("*.parquet")), tmp_path)
    found = profiled(*paths, skew_days=3)
    assert found.days == ("0", "1", "7", "8")
    assert any("of the last 3 days" in line for line in found.notes)
    for each, column in zip(found.tables, ("site", "ad", "history"), strict=True):
        short = table.slice(0, 600)[column].combine_chunks()
        more = np.asarray((short.flatten() if column == "history" else short).drop_null())
        ids = [ids_of(days, column, range(1, 2)), ids_of(days, column, range(1)), more]
        exact = Frequencies.of_counts(np.bincount(np.concatenate(ids)))
        assert each.counts.last.reads.tolist() == exact.reads.tolist()
        assert each.counts.last.ids.tolist() == exact.ids.tolist()


def test_a_table_whose_last_day_reads_new_ids_is_told_to_grow(tmp_path: Path) -> None:
    for day in range(2):
        ids = pa.array(np.repeat(np.arange(100) + 90 * day, 2))
        parquet.write_table(pa.table({"a": ids}), tmp_path / f"day_{day}.parquet")
    assert any("90 of the 100 ids of the last day" in line for line in profiled(tmp_path).warnings)


def test_new_ids_that_chance_brings_are_no_growth(tmp_path: Path) -> None:
    """Of many rows that are hardly read, most of each day are new, though nothing changes."""
    for day in range(2):
        ids = np.random.default_rng(day).integers(0, 20_000, 4_000)
        parquet.write_table(pa.table({"a": ids}), tmp_path / f"day_{day}.parquet")
    found = profiled(tmp_path)
    last = found.tables[0].counts.newest_day
    assert last.rows_new > 0.5 * last.rows_touched
    assert not any("grows" in line for line in found.warnings)


@pytest.mark.parametrize("keep", [None, "kept"])
def test_skew_is_of_the_last_day_that_has_samples(
    days: Path, tmp_path: Path, keep: str | None
) -> None:
    none = parquet.read_table(days / "day_0.parquet").slice(0, 0)
    parquet.write_table(none, tmp_path / "day_7.parquet")
    folder = None if keep is None else str(tmp_path / keep)
    with_empty = profiled(days, tmp_path / "day_7.parquet", keep=folder)
    without = profiled(days)
    assert [t.spec for t in with_empty.tables] == [t.spec for t in without.tables]
    assert [t.batches for t in with_empty.tables] == [t.batches for t in without.tables]
    assert any("no samples of 7" in line and "up to 1" in line for line in with_empty.warnings)
    assert any("of 1, the last day that has samples" in line for line in with_empty.notes)
    assert not any("no samples" in line for line in without.warnings)


def test_too_little_data_of_the_days_that_skew_is_of_is_told(days: Path, tmp_path: Path) -> None:
    whole = profiled(days)
    few = parquet.read_table(days / "day_0.parquet").slice(0, 50)
    parquet.write_table(few, tmp_path / "day_7.parquet")
    found = profiled(days, tmp_path / "day_7.parquet")
    for table, before in zip(found.tables, whole.tables, strict=True):
        assert table.says.batches < 0.2 < 3 < before.says.batches < 5
        assert not table.says.tells_times
    (line,) = [each for each in found.warnings if "a step's time takes 16" in each]
    assert "batches of data, of the last day" in line


def test_an_access_that_is_off_the_data_is_told_with_the_size(tmp_path: Path) -> None:
    ids = np.random.default_rng(0).zipf(1.3, 20_000) % 10**9
    table = pa.table({"a": ids, "b": ids, "c": ids % 50})
    parquet.write_table(table, tmp_path / "d.parquet")
    rules = [
        TableRule(name=name, features=(FeatureRule(column=name),),
                  mapping=IdMapping(MappingKind.DICTIONARY, 1))
        for name in table.column_names
    ]  # fmt: skip
    found = profile_files([str(tmp_path)], Asked(batch=1_024), rules=rules)
    (line,) = [each for each in found.warnings if "off the data" in each]
    assert line.startswith("a, b: ")
    assert line.endswith("of the distinct rows of 16 batches")


def test_a_day_of_which_a_sample_has_nothing_is_told(days: Path, tmp_path: Path) -> None:
    few = parquet.read_table(days / "day_0.parquet").slice(0, 50)
    parquet.write_table(few, tmp_path / "day_7.parquet")
    found = profiled(days, tmp_path / "day_7.parquet", sample_share=0.5)
    assert found.days == ("0", "1")
    assert any("no batch of 7 is in the sample" in line for line in found.warnings)


def test_days_held_against_themselves_are_no_movement(tmp_path: Path) -> None:
    """Also where ids change from day to day: hot ids and reads are of the days of the skew."""
    asked, rows = Asked(batch=100), np.arange(3_000)
    for day in range(4):
        ids = np.random.default_rng(day).permutation(rows)[
            np.random.default_rng(9 + day).zipf(1.3, 6_000) % 3_000
        ]
        parquet.write_table(pa.table({"a": ids}), tmp_path / f"day_{day}.parquet")
    old_profile = profiled(tmp_path)
    write_profile(old_profile, str(tmp_path / "old.yaml"))
    old = old_references(str(tmp_path / "old.yaml"))
    counts = old_profile.tables[0].counts
    assert old["a"].recent.reads.tolist() == counts.last.reads.tolist()
    assert old["a"].of_rare_ids == counts.reference.of_rare_ids
    hot = {name: each.hot_ids for name, each in old.items()}
    for day, moves in (("day_3", False), ("day_1", True)):
        new = profile_files([str(tmp_path / f"{day}.parquet")], asked, old_hot=hot)
        found = held_profile(old, new, None, ENDLESS)
        assert found.is_alarm is moves
        assert found.movements[0].unseen_excess == 0


def kept(folder: Path, output: Path, keep: Path | None, day: str | None) -> list[bytes]:
    reading = Reading(day=day, keep=None if keep is None else str(keep))
    pattern = str(folder / "*.parquet")
    write_profile(profile_files([pattern], Asked(batch=500), reading, RULES), str(output))
    endings = (".yaml", ".reference.parquet", ".profile.json")
    return [output.with_suffix(ending).read_bytes() for ending in endings]


@pytest.mark.parametrize("day", ["day_*", None])
def test_a_day_added_to_kept_counts_is_counted_alone_to_the_same_bytes(
    days: Path, tmp_path: Path, day: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    counted: list[object] = []
    write = DuckdbEngine.write
    monkeypatch.setattr(
        DuckdbEngine, "write", lambda *asked: (counted.append(asked), write(*asked))[1]
    )
    for number in range(2):
        held = parquet.read_table(days / f"day_{number}.parquet")
        below = pa.array(np.arange(held.num_rows) - 100)
        path = data / f"day_{number}.parquet"
        parquet.write_table(held.append_column("below", below), path)
        kept(data, tmp_path / "added.yaml", tmp_path / "kept", day)
    assert len(counted) == 2 * len(RULES)
    added = kept(data, tmp_path / "added.yaml", tmp_path / "kept", day)
    assert added == kept(data, tmp_path / "once.yaml", None, day)
    assert len(counted) == 2 * len(RULES)
    parquet.write_table(held.append_column("below", below).slice(1), path)
    kept(data, tmp_path / "changed.yaml", tmp_path / "kept", day)
    assert len(counted) == 3 * len(RULES)


def test_file_order_is_told_of_days_in_a_column_too(tmp_path: Path) -> None:
    ids = np.concatenate([np.arange(4_000) % 1_000, np.repeat(np.arange(1_000), 4)])
    table = pa.table({"day": np.repeat([9, 10], 4_000), "a": ids})
    parquet.write_table(table, tmp_path / "d.parquet", row_group_size=999)
    (found,) = profiled(tmp_path, day="day").tables
    assert found.order is not None
    assert (found.order.batches, found.order.observed_rows) == (8, 125)
    assert found.order.is_other


def test_blocks_of_a_day_lie_where_its_samples_do(tmp_path: Path) -> None:
    days = np.array([1] * 7 + [2] * 9 + [1] * 4 + [2] * 5)
    path = tmp_path / "d.parquet"
    parquet.write_table(pa.table({"day": days}), path, row_group_size=6)
    blocks = blocks_of_days([str(path)], "day", {"2"}, 4, 16)
    assert [(block.begin, block.samples) for block in blocks] == [(7, 4), (11, 4), (20, 4)]
    assert blocks_of_days([str(path)], "day", {"3"}, 4, 16) == ()


def test_a_batch_larger_than_the_sample_says_nothing(tmp_path: Path) -> None:
    lists = [[1]] * 10 + [[1, 2, 3]] * 10
    parquet.write_table(pa.table({"a": lists}), tmp_path / "d.parquet")
    asked = Asked(batch=10, sample_share=0.01)
    (found,) = profile_files([str(tmp_path)], asked).tables
    assert found.counts.frequencies.accesses in (10, 30)


def test_padding_is_of_lists(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "d.parquet")
    rule = TableRule(name="t", features=(FeatureRule(column="a", padding=0),))
    with pytest.raises(InputError, match="padding is of columns of lists"):
        profile_files([str(tmp_path)], Asked(batch=1), rules=(rule,))


def test_padding_is_told_and_left_out_where_asked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, 400)
    lists = [[*rng.integers(1, 50, each).tolist(), *[0] * (8 - each)] for each in lengths]
    parquet.write_table(pa.table({"a": lists}), tmp_path / "d.parquet")
    (found,) = profile_files([str(tmp_path)], Asked(batch=100)).tables
    assert any("0 fills lists of a up, by a few batches about" in line for line in found.warnings)
    unread = TableRule(name="a", features=(FeatureRule(column="a"),), padding=300)
    (grown,) = profile_files([str(tmp_path)], Asked(batch=100), rules=(unread,)).tables
    assert grown.spec.rows == 301
    assert any("no id that was read is its padding, 300" in line for line in grown.warnings)
    rule = TableRule(name="a", features=(FeatureRule(column="a", padding=0, truncate=4),))
    (left,) = profile_files([str(tmp_path)], Asked(batch=100), rules=(rule,)).tables
    cut = np.minimum(lengths, 4)
    assert left.features[0].pooling == cut.mean()
    assert left.counts.frequencies.accesses == cut.sum()
    assert sum(batch.accesses for batch in left.batches) == cut.sum()
    assert not left.fillers


@pytest.mark.parametrize(("moved", "is_told"), [(0, False), (500, True)])
def test_days_that_together_look_colder_than_one_are_told(
    tmp_path: Path, moved: int, is_told: bool
) -> None:
    for day in range(4):
        ids = np.random.default_rng(day).zipf(1.2, 4_000) % 1_000 + moved * day
        parquet.write_table(pa.table({"a": ids}), tmp_path / f"day_{day}.parquet")
    warned = profiled(tmp_path, skew_days=4).warnings
    assert any("days together touch" in line for line in warned) == is_told
    assert not any("together" in line for line in profiled(tmp_path, skew_days=1).warnings)


def test_the_face_of_the_package_profiles_files_as_the_command_does(
    days: Path, tmp_path: Path
) -> None:
    asked, reading = Asked(batch=500), Reading(day="day_*")
    tables = [tmp_path / f"{name}.yaml" for name in ("face", "files")]
    shardplan.write_profile(shardplan.make_profile(days, asked, reading), tables[0])
    write_profile(profile_files([str(days)], asked, reading), str(tables[1]))
    assert tables[0].read_bytes() == tables[1].read_bytes()


def test_the_face_of_the_package_profiles_frames_that_an_engine_has(
    days: Path, tmp_path: Path
) -> None:
    engine = DuckdbEngine(tmp_path)
    frames = [(f"{day}", engine.samples([str(days / f"day_{day}.parquet")])) for day in range(2)]
    features = tmp_path / "features.yaml"
    features.write_text("tables: [{name: t, features: [{column: site}]}]\n")
    found = shardplan.make_profile(Samples(engine, tuple(frames)), features=features)
    assert [table.spec.name for table in found.tables] == ["t"]
    assert found.tables[0].counts.frequencies.accesses == len(ids_of(days, "site"))
