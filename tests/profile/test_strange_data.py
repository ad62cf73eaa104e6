"""Data that is not broken, but is not what it looks like: refused in words, or counted and told."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from shardplan.errors import InputError
from shardplan.profile.count.id_counts import DAY
from shardplan.profile.count.table_counts import table_counts
from shardplan.profile.engine.duckdb_engine import DuckdbEngine
from shardplan.profile.engine.engine import frame_of
from shardplan.profile.engine.spark_engine import check_options
from shardplan.profile.features.id_mapping import IdMapping, MappingKind
from shardplan.profile.features.table_rule import FeatureRule, TableRule, read_features
from shardplan.profile.profile_files import Reading, profile_files
from shardplan.profile.tables.table_profile import Asked
from shardplan.profile.tables.write_profile import write_profile

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.profile.tables.profile import Profile

ASKED = Asked(batch=2)
DICTIONARY = IdMapping(MappingKind.DICTIONARY, 2)


def profiled(*paths: Path | str, rules: tuple[TableRule, ...] = (), **more: object) -> Profile:
    reading = Reading(**more)  # type: ignore[arg-type]
    return profile_files([str(path) for path in paths], ASKED, reading, rules)


def refusal(*paths: Path | str, rules: tuple[TableRule, ...] = (), **more: object) -> str:
    with pytest.raises(InputError) as caught:
        profiled(*paths, rules=rules, **more)
    return str(caught.value)


def write(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)
    return path


def ruled(column: str, mapping: IdMapping | None = None, **more: object) -> TableRule:
    feature = FeatureRule(column=column, **more)  # type: ignore[arg-type]
    return TableRule(name="t", features=(feature,), mapping=mapping or IdMapping())


def test_ids_beyond_what_a_table_can_have_are_refused_for_each_table(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", a=[1, 2**62], b=[10**13, 0], c=[3, 4])
    said = refusal(path)
    assert said.startswith("table a: error: ids up to 4,611,686,018,427,387,904 as rows")
    assert "table b: error" in said
    assert "mod, hash or dictionary" in said
    assert "table c" not in said
    assert profiled(path, rules=(ruled("a", DICTIONARY),)).tables[0].spec.rows == 1


def test_sums_over_millions_of_ids_read_alike_fit(tmp_path: Path) -> None:
    ids = 2**30 + np.arange(8_500_000)
    engine = DuckdbEngine(tmp_path)
    frame = frame_of(
        engine.connection.sql(f"select {ids[0]} + range as a, 0 as {DAY} from range({len(ids)})")
    )
    counts = table_counts(frame, ruled("a"), 1, engine, 0, np.zeros(0, np.int64))
    at = (ids // (int(ids[-1]) // 2**20 + 1)).astype(np.float64)
    assert np.dot(at, at) > 2**63
    assert counts.order.id_squares == pytest.approx(np.dot(at, at))


def test_lists_of_a_fixed_size_are_lists(tmp_path: Path) -> None:
    lists = pa.array([[1, 2]] * 10, pa.list_(pa.int64(), 2))
    (table,) = profiled(write(tmp_path / "d.parquet", a=lists)).tables
    assert table.features[0].pooling == 2
    assert [batch.accesses for batch in table.batches] == [4] * 5


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (gzip.compress(b"a\n" + b"1\n" * 1_000, mtime=0)[:-9], "is cut short"),
        (b"a\n1\n", "is no gzip file"),
    ],
    ids=["short", "plain"],
)
def test_a_packed_file_that_is_none_or_ends_early_is_named(
    tmp_path: Path, packed: bytes, words: str
) -> None:
    path = tmp_path / "d.csv.gz"
    path.write_bytes(packed)
    said = refusal(path)
    assert said.startswith(f"{path}: error: {words}")


def test_columns_that_can_name_no_table_are_all_named(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", **{"a.b": [1], "c.d": [1], "e": [1]})
    said = refusal(path)
    assert "'a.b' names no table: must not hold a dot" in said
    assert "'c.d'" in said
    assert profiled(path, rules=(ruled("a.b"),)).tables[0].counts.frequencies.accesses == 1


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ("[{name: t, features: [{column: a}, {column: a}]}]", "'a' stands here twice"),
        (
            "[{name: t, features: [{column: a, weights: w}]}, {name: u, features: [{column: b}]}]",
            "one is weighted",
        ),
    ],
)
def test_features_that_no_spec_could_hold_are_refused(
    tmp_path: Path, tables: str, words: str
) -> None:
    path = tmp_path / "features.yaml"
    path.write_text(f"tables: {tables}\n")
    with pytest.raises(InputError, match=words):
        read_features(str(path))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("padding: -1", "must be at least 0"),
        ("padding: 9223372036854775808", "must be less than 10,000,000,000,000"),
        ("mapping: {mod: 10}, padding: 10", "is no row of a mapping to 10 rows"),
    ],
)
def test_a_padding_that_is_no_row_is_a_fault_where_it_stands(
    tmp_path: Path, said: str, words: str
) -> None:
    path = tmp_path / "features.yaml"
    path.write_text(f"tables: [{{name: t, features: [{{column: a, padding: -1}}], {said}}}]\n")
    with pytest.raises(InputError) as caught:
        read_features(str(path))
    (fault,) = caught.value.diagnostics
    assert words in fault.message
    assert path.read_text()[fault.column - 1 :].startswith(said.split()[-1])
    assert fault.line == 1


def test_weighted_tables_are_of_the_module_that_features_name(tmp_path: Path) -> None:
    features = tmp_path / "features.yaml"
    features.write_text(
        "tables: [{name: t, module: weighted, features: [{column: a, weights: w}]}, "
        "{name: u, features: [{column: a}]}]\n"
    )
    path = write(tmp_path / "d.parquet", a=[1, 2], w=[0.5, 1.0])
    first, second = profiled(path, rules=read_features(str(features))).tables
    assert (first.spec.module, first.spec.weighted) == ("weighted", True)
    assert second.spec.module is None


def test_cells_of_any_length_are_read(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b\n1," + "9" * 200_000 + "\n")
    assert f"{path}:2:3: error: does not fit 64 bits" in refusal(path)
    path.write_text("c" * 200_000 + ",b\n1,2\n3\n")
    assert f"{path}:3:1: error: has 1 values" in refusal(path)


@pytest.mark.parametrize("form", [int, str])
def test_days_of_a_column_are_in_the_order_of_their_numbers(tmp_path: Path, form: type) -> None:
    days = [form(each) for each in (10, 9, 11, 9)]
    found = profiled(write(tmp_path / "d.parquet", day=days, a=[1, 2, 3, 4]), day="day")
    assert found.days == ("9", "10", "11")
    assert found.tables[0].counts.last.accesses == 1


def test_samples_without_a_day_are_a_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", day=[1, None, None], a=[1, 2, 3])
    assert "2 samples have nothing in the column 'day'" in refusal(path, day="day")


def test_a_day_is_what_lies_nearest_to_the_file(tmp_path: Path) -> None:
    for day in range(2):
        write(tmp_path / "day_data" / f"day_{day}.parquet", a=[1])
    assert profiled(tmp_path / "day_data", day="day_*").days == ("0", "1")


def test_a_name_with_brackets_is_itself_and_no_pattern(tmp_path: Path) -> None:
    write(tmp_path / "a1.parquet", a=[1] * 4)
    path = write(tmp_path / "a[1].parquet", a=[5] * 3)
    assert profiled(path).tables[0].counts.hot_ids.tolist() == [5]
    assert profiled(tmp_path).tables[0].counts.hot_reads.tolist() == [4, 3]
    text = tmp_path / "[x].csv"
    text.write_text("a\n1\n")
    assert profiled(text).samples == 1


def test_a_file_by_two_spellings_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", a=[1, 2])
    assert profiled(path, tmp_path / "." / "*.parquet", f"{tmp_path}/./d.parquet").samples == 2


def test_tabs_are_told_from_the_ending_alone(tmp_path: Path) -> None:
    folder = tmp_path / "all.tsv.files"
    folder.mkdir()
    (folder / "x.csv").write_text("a,b\n1,2\n")
    assert [table.rule.name for table in profiled(folder).tables] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "text", "cell"),
    [
        ("d.csv", "a,b\n" + "1,2\n" * 9 + "1.5,2\n", "'1.5' in sample 10"),
        ("d.csv", "a,b\n" + "1,2\n" * 9 + "x,2\n", "'x' in sample 10"),
        ("d.jsonl", '{"a": 1, "b": 1}\n{"a": 1.5, "b": 1}\n', "'1.5' in sample 2"),
        ("d.jsonl", '{"a": [1, 2], "b": 1}\n{"a": ["x"], "b": 1}\n', "'\"x\"' in sample 2"),
        ("d.jsonl", '{"a": [1, 9223372036854775808], "b": 1}\n', "e+18' in sample 1"),
    ],
)
def test_a_cell_that_keeps_a_column_from_being_ids_is_told(
    tmp_path: Path, name: str, text: str, cell: str
) -> None:
    (tmp_path / name).write_text(text)
    found = profiled(tmp_path / name)
    (remark,) = found.remarks
    assert remark.startswith(f"{tmp_path / name}: 'a' is no column of ")
    assert cell in remark
    assert remark in found.warnings


def test_ids_of_json_of_which_a_few_are_negative_are_ids(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(
        '{"l": [1, 2], "it\'s": 1.5, "a": 7}\n'
        '{"l": [-1, 9007199254740993], "it\'s": 2.0, "a": -3}\n'
        '{"l": null, "it\'s": 3, "a": null}\n'
    )
    rules = (ruled("l", IdMapping(MappingKind.MOD, 10)),)
    (table,) = profiled(path, rules=rules).tables
    assert table.counts.frequencies.accesses == 4
    assert sorted(table.counts.hot_ids.tolist()) == [1, 2, 3, 9]
    path.write_text('{"l": [1, 2], "a": 7}\n{"l": [-1, 2], "a": -3}\n{"l": [2, null]}\n')
    found = profiled(path)
    assert [table.rule.name for table in found.tables] == ["l", "a"]
    assert [table.counts.below_zero for table in found.tables] == [1, 1]
    assert [table.spec.rows for table in found.tables] == [3, 8]
    assert not found.remarks


def test_values_that_are_all_whole_are_not_said_to_be_others(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1.0,1\n2.0,2\n")
    (remark,) = profiled(tmp_path / "d.csv").remarks
    assert "'a' is no column of ids, though all 2 values are whole: '1.0' in sample 1" in remark


def test_pooling_is_of_ids_that_are_looked_up(tmp_path: Path) -> None:
    wide = pa.array([[1, 2**63, 2**64 - 1, None], [2]], pa.list_(pa.uint64()))
    path = write(tmp_path / "d.parquet", wide=wide, signed=[[1, -2], [None, -3]], one=[-1, 7])
    tables = {table.rule.name: table for table in profiled(path).tables}
    assert tables["wide"].features[0].too_large == 2
    for name, pooling in (("wide", 1), ("signed", 0.5), ("one", 0.5)):
        assert tables[name].features[0].pooling == pooling
        assert tables[name].counts.frequencies.accesses == 2 * pooling
    both = (FeatureRule(column="signed"), FeatureRule(column="one"))
    (table,) = profiled(path, rules=(TableRule(name="t", features=both),)).tables
    assert [each.pooling for each in table.features] == [0.5, 0.5]


def test_an_id_below_0_is_an_id_of_a_dictionary(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", a=[-1, -1, -1, 5, 5, 6, -(2**62)])
    (table,) = profiled(path, rules=(ruled("a", DICTIONARY),)).tables
    assert table.counts.rare_reads == 2
    assert table.spec.rows == 3
    assert table.counts.hot_ids.tolist() == [-1, 5]


def test_rare_ids_of_a_dictionary_raise_no_alarm_of_order(tmp_path: Path) -> None:
    ids = np.arange(20_000)
    ids[::2] = 1
    path = write(tmp_path / "d.parquet", a=ids)
    found = profile_files([str(path)], Asked(batch=1_000), rules=(ruled("a", DICTIONARY),))
    assert found.tables[0].order is None


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (ruled("lists", missing=7), "a missing list is an empty one"),
        (ruled("lists", weights="one"), "its weights 'one' a number"),
        (ruled("one", weights="lists"), "its weights 'lists' a list"),
    ],
)
def test_what_goes_with_lists_only_is_refused(tmp_path: Path, rule: TableRule, words: str) -> None:
    path = write(tmp_path / "d.parquet", lists=[[1], [2]], one=[1, 2])
    assert words in refusal(path, rules=(rule,))


def test_told_rows_that_are_too_few_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", a=np.arange(50))
    rule = TableRule(name="t", features=(FeatureRule(column="a"),), rows=10)
    found = profiled(path, rules=(rule,))
    assert found.tables[0].spec.rows == 50
    assert any("10 rows are told, and its ids need 50" in line for line in found.warnings)


def test_hot_ids_of_a_dictionary_are_not_called_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", a=np.arange(50) + 1_000, b=np.arange(50))
    looked_up = IdMapping(MappingKind.DICTIONARY)
    rules = (
        TableRule(name="looked", features=(FeatureRule(column="a"),), mapping=looked_up),
        TableRule(name="plain", features=(FeatureRule(column="b"),)),
        TableRule(
            name="hashed",
            features=(FeatureRule(column="a", name="c"),),
            mapping=IdMapping(MappingKind.HASH, 100),
        ),
    )
    found = profile_files([str(path)], ASKED, rules=rules, hot=5)
    assert [table.spec.hot_ids for table in found.tables] == [None, 5, None]
    assert any("the trainer's hash knows" in line for line in found.warnings)
    write_profile(found, str(tmp_path / "t.csv"), str(tmp_path / "hot"))
    looked = parquet.read_table(tmp_path / "hot" / "looked.parquet")
    plain = parquet.read_table(tmp_path / "hot" / "plain.parquet")
    assert looked.column_names == ["raw_id", "count"]
    assert plain.column_names == ["id", "count"]
    assert looked.num_rows == plain.num_rows == 5
    assert any("column raw_id" in line for line in found.warnings)
    assert not (tmp_path / "hot" / "hashed.parquet").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.csv", "does not exist"),
        ("*.csv", "matches no file\n  hint: quote a glob"),
        ("folder", "is a folder without data"),
        ("_hidden.csv", "is no file of data"),
    ],
)
def test_what_is_no_data_is_said_as_what_it_is(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "_SUCCESS").touch()
    if name.startswith("_"):
        (tmp_path / name).write_text("a\n1\n")
    assert refusal(tmp_path / name).startswith(f"{tmp_path / name}: error: {words}")


def test_a_column_that_is_missing_is_named_with_one_like_it(tmp_path: Path) -> None:
    path = write(tmp_path / "d.parquet", item_id=[1])
    said = refusal(path, rules=(ruled("itemid"),))
    assert "'itemid' of table t is missing" in said
    assert "did you mean 'item_id'?" in said


def test_a_stream_of_arrow_is_read_as_a_file_is(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, 2]})
    for name, new in (("file.arrow", pa.ipc.new_file), ("stream.arrow", pa.ipc.new_stream)):
        with new(tmp_path / name, table.schema) as writer:
            writer.write_table(table)
        assert profiled(tmp_path / name).tables[0].counts.hot_reads.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("d.csv", "a;b\n1;2\n", ":1: error: its first line has no commas"),
        ("d.tsv", "a,b\n1,2\n", ":1: error: its first line has no tabs"),
        ("d.csv", 'a,b\n1,2\n3,"4\n5,6\n', "has a quote that nothing closes"),
    ],
)
def test_text_that_is_parted_or_quoted_otherwise_is_said_to_be(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / name).write_text(text)
    said = refusal(tmp_path / name)
    assert words in said
    assert "Invalid Input Error" not in said


def test_settings_that_spark_would_ignore_are_refused() -> None:
    check_options({"spark.master": "local[2]"})
    with pytest.raises(InputError, match=r"'master' is no setting.*\n.*spark\.master"):
        check_options({"master": "local[2]"})
