"""Data that is broken is named with its file and line, or counted and told."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from sampled_days import write_days

from shardplan.errors import InputError
from shardplan.profile.profile_files import Reading, profile_files
from shardplan.profile.sources.found import DataFormat
from shardplan.profile.tables.table_profile import Asked
from shardplan.profile.tables.write_profile import write_profile

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.profile.tables.profile import Profile

ASKED = Asked(batch=2)
DENSE = "\t".join(["1"] * 13)


def profiled(path: Path | str, **more: object) -> Profile:
    return profile_files([str(path)], ASKED, Reading(**more))  # type: ignore[arg-type]


def refusal(path: Path, **more: object) -> str:
    with pytest.raises(InputError) as caught:
        profiled(path, **more)
    return str(caught.value)


def criteo(*sparse: str) -> bytes:
    return b"".join(f"0\t{DENSE}\t{cells}\n".encode() for cells in sparse)


GOOD = "\t".join(["0a0b0c0d"] * 26)


def test_criteos_text_is_read_exactly(tmp_path: Path) -> None:
    other = "\t".join(["ffffffff", "", *["1"] * 24])
    (tmp_path / "day_0").write_bytes(criteo(GOOD, other, GOOD))
    found = {table.rule.name: table for table in profiled(tmp_path / "day_0").tables}
    first, second = found["C1"].counts, found["C2"].counts
    assert first.hot_ids.tolist() == [0x0A0B0C0D, 0xFFFFFFFF]
    assert first.hot_reads.tolist() == [2, 1]
    assert second.frequencies.accesses == 2
    assert found["C1"].spec.rows == 2


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        (criteo(GOOD, GOOD[:-9]), ":2:1", "has 39 values, and the first line has 40"),
        (criteo(GOOD, GOOD, GOOD[:-1] + "x"), ":3:", "hexadecimal"),
        (criteo(GOOD) + b"\xff" + criteo(GOOD), ":2:1", "UTF-8"),
        (criteo(GOOD) + criteo(GOOD).replace(b"1", b"one", 1), ":2:", "whole number"),
        (b"", "", "is empty"),
    ],
)
def test_a_broken_line_of_criteos_is_named(
    tmp_path: Path, lines: bytes, place: str, words: str
) -> None:
    path = tmp_path / "day_0"
    path.write_bytes(lines)
    said = refusal(path, form=DataFormat.CRITEO)
    assert said.startswith(f"{path}{place}")
    assert words in said


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a,b\n1,2\n3\n", ":3:", "has 1 values"),
        ("a,b\n1,2\n3,9223372036854775808\n", ":3:3", "does not fit 64 bits"),
        ("a,a\n1,2\n", ":1", "stands here twice"),
        ("", "", "is empty"),
    ],
)
def test_a_broken_line_of_csv_is_named(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    said = refusal(path)
    assert said.startswith(f"{path}{place}")
    assert words in said


def test_a_broken_line_of_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"a": 1}\n{"a": x}\n')
    assert re.match(rf"{re.escape(str(path))}:2", refusal(path))


def test_text_and_its_missing_values_are_ids_too(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('tail,n\nN1,1\n"N,2",2\nNA,3\nN1,\n')
    tail, n = profiled(path, nulls=("NA",)).tables
    assert tail.counts.frequencies.accesses == 3
    assert tail.spec.rows == 2
    assert n.counts.frequencies.accesses == 3
    assert n.features[0].missing == 1


def test_lists_of_json_and_arrow_are_read_as_those_of_parquet(tmp_path: Path) -> None:
    lists = [[1, 2, None], None, [], [3]]
    with (tmp_path / "data.jsonl").open("w") as stream:
        stream.writelines(json.dumps({"a": each}) + "\n" for each in lists)
    table = pa.table({"a": pa.array(lists, pa.list_(pa.int64()))})
    with pa.ipc.new_file(tmp_path / "data.arrow", table.schema) as writer:
        writer.write_table(table)
    parquet.write_table(table, tmp_path / "data.parquet")
    for ending in ("jsonl", "arrow", "parquet"):
        (found,) = profiled(tmp_path / f"data.{ending}").tables
        assert found.counts.frequencies.accesses == 3
        assert found.features[0].lengths.tolist() == [0, 1, 3]
        assert found.features[0].missing == 1


def test_a_column_that_is_missing_on_day_2_is_named(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1], "b": [1]}), tmp_path / "day_0.parquet")
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "day_1.parquet")
    said = refusal(tmp_path / "*.parquet")
    assert said.startswith(str(tmp_path / "day_1.parquet"))
    assert "the column 'b' is missing" in said


def test_ids_that_no_table_has_are_counted_and_told(tmp_path: Path) -> None:
    columns = {
        "below": pa.array([-1, -(2**63), 5, 5], pa.int64()),
        "above": pa.array([2**63, 2**64 - 1, 7, None], pa.uint64()),
    }
    parquet.write_table(pa.table(columns), tmp_path / "d.parquet")
    found = profiled(tmp_path / "d.parquet")
    below, above = found.tables
    assert (below.counts.below_zero, below.counts.frequencies.accesses) == (2, 2)
    assert (above.features[0].too_large, above.counts.frequencies.accesses) == (2, 1)
    assert any("below 0" in line for line in found.warnings)
    assert any("2^63" in line for line in found.warnings)


def test_a_list_of_a_million_ids_is_a_list(tmp_path: Path) -> None:
    lists = [np.arange(1_000_000), np.array([1])]
    parquet.write_table(pa.table({"a": lists}), tmp_path / "d.parquet")
    (table,) = profiled(tmp_path / "d.parquet").tables
    assert table.features[0].most == 1_000_000
    assert table.counts.frequencies.accesses == 1_000_001


@pytest.mark.parametrize("name", ["empty.parquet", "torn.parquet"])
def test_what_is_no_parquet_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    whole = write_days(tmp_path / "days", 100) / "day_0.parquet"
    path.write_bytes(whole.read_bytes()[:500] if name.startswith("torn") else b"")
    assert refusal(path).startswith(str(path))


def test_no_samples_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "d.parquet")
    assert "holds no samples" in refusal(tmp_path / "d.parquet")


def test_a_store_that_fsspec_reaches_is_read(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    days = write_days(tmp_path / "days", 300)
    store = fsspec.filesystem("memory")
    for day in ("day_0.parquet", "day_1.parquet"):
        store.pipe(f"/bucket/{day}", (days / day).read_bytes())
    store.pipe("/bucket/text.csv", b"a\n1\n2\n")
    there, here = profiled("memory://bucket/*.parquet"), profiled(days / "*.parquet")
    assert [t.spec for t in there.tables] == [t.spec for t in here.tables]
    assert profiled("memory://bucket/text.csv").samples == 2


def test_a_run_that_was_stopped_goes_on_with_what_was_staged(tmp_path: Path) -> None:
    for day in range(2):
        (tmp_path / f"day_{day}.csv").write_text("a\n1\n2\n")
    work = tmp_path / "work"
    profiled(tmp_path / "*.csv", work=str(work))
    staged = sorted(work.glob("*.parquet"))
    assert len(staged) == 2
    assert not list(work.glob("*.half"))
    staged[0].unlink()
    before = os.stat(staged[1]).st_mtime_ns
    profiled(tmp_path / "*.csv", work=str(work))
    assert sorted(work.glob("*.parquet")) == staged
    assert os.stat(staged[1]).st_mtime_ns == before


def test_too_little_memory_is_said_and_is_no_bug(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    parquet.write_table(pa.table({"a": np.arange(1_000_000)}), path)
    assert "more --memory" in refusal(path, memory_bytes=1_000_000)


def test_what_does_not_fit_the_memory_to_count_in_takes_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.parquet"
    parquet.write_table(pa.table({"a": np.arange(100_000)}), path)
    monkeypatch.setattr("shardplan.profile.engine.duckdb_engine._THREAD_BYTES", 2**19)
    (table,) = profiled(path).tables
    assert table.counts.frequencies.rows_touched == 100_000


def test_tables_are_written_last_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = profiled(write_days(tmp_path / "days", 100) / "*.parquet")
    write_profile(found, str(tmp_path / "t.csv"))
    before = (tmp_path / "t.csv").read_bytes()

    def killed(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("shardplan.profile.tables.write_profile.profile_document", killed)
    with pytest.raises(KeyboardInterrupt):
        write_profile(found, str(tmp_path / "t.csv"))
    assert (tmp_path / "t.csv").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".shardplan")]
