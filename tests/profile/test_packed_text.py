"""Text packed by zstd, and columns whose names engines do not tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

pytest.importorskip("duckdb")
pytest.importorskip("narwhals")

from shardplan.errors import InputError
from shardplan.profile.profile_files import profile_files
from shardplan.profile.tables.table_profile import Asked

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.profile.tables.profile import Profile


def profiled(path: Path) -> Profile:
    return profile_files([str(path)], Asked(batch=2))


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        profiled(path)
    return str(caught.value)


def test_text_packed_by_zstd_is_read_and_its_faults_have_lines(tmp_path: Path) -> None:
    def packed(name: str, text: str) -> Path:
        (tmp_path / name).write_bytes(pa.compress(text.encode(), "zstd", asbytes=True))
        return tmp_path / name

    assert profiled(packed("d.csv.zst", "a\n5\n5\n")).tables[0].counts.hot_reads.tolist() == [2]
    path = packed("ragged.csv.zst", "a,b\n1,2\n3\n")
    assert f"{path}:3:1: error: has 1 values" in refusal(path)
    plain = tmp_path / "plain.csv.zst"
    plain.write_text("a\n1\n")
    assert "is no zstd file" in refusal(plain)


@pytest.mark.parametrize(
    ("names", "words"), [("aa", "'a' stands here twice"), ("aA", "'a' and 'A' differ by case")]
)
def test_columns_that_engines_do_not_tell_apart_are_refused(
    tmp_path: Path, names: str, words: str
) -> None:
    columns = [pa.array([1]), pa.array([2])]
    parquet.write_table(pa.Table.from_arrays(columns, names=[*names]), tmp_path / "d.parquet")
    assert words in refusal(tmp_path / "d.parquet")
    (tmp_path / "d.csv").write_text(",".join(names) + "\n1,2\n")
    assert "stands here twice" in refusal(tmp_path / "d.csv")
