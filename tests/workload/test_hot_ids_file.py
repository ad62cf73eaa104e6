"""Files of the hottest ids: read in three formats, refused with their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from shardplan.errors import InputError
from shardplan.workload.drawn.hot_ids_file import read_hot_counts, read_hot_ids

if TYPE_CHECKING:
    from pathlib import Path

IDS = [7, 0, 12, 5]


def written(path: Path, ids: list[int]) -> Path:
    """The ids with counts beside them, where there is room for any."""
    if path.suffix == ".npy":
        np.save(path, np.array(ids))
    elif path.suffix == ".csv":
        path.write_text("count,id\n" + "".join(f"{9 - n},{i}\n" for n, i in enumerate(ids)))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        counts = list(range(len(ids), 0, -1))
        parquet.write_table(pyarrow.table({"id": ids, "count": counts}), path)
    return path


@pytest.mark.parametrize("end", [".npy", ".csv", ".parquet"])
def test_ids_come_as_they_are_written(end: str, tmp_path: Path) -> None:
    found = read_hot_ids(written(tmp_path / f"hot{end}", IDS))
    assert (found.tolist(), found.dtype) == (IDS, np.dtype(np.int64))


@pytest.mark.parametrize("end", [".npy", ".csv", ".parquet"])
@pytest.mark.parametrize(
    ("ids", "words"),
    [([3, 1, 3], "the id 3 stands there twice"), ([2, -1], "-1 is no id"), ([], "holds no ids")],
)
def test_what_are_no_ids_is_refused(end: str, ids: list[int], words: str, tmp_path: Path) -> None:
    if end == ".npy":
        np.save(tmp_path / "hot.npy", np.array(ids, dtype=np.int64))
    elif ids or end == ".csv":
        written(tmp_path / f"hot{end}", ids)
    else:
        pytest.skip("a column without values has no format")
    with pytest.raises(InputError, match=words):
        read_hot_ids(tmp_path / f"hot{end}")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "count\n3\n", "a.csv:1:1: error: has no column id"),
        ("a.csv", "count,id\n3,4\n2,x\n", "a.csv:3:3: error: id: an id is a whole number, not 'x'"),
        ("a.csv", "count,id\n3,\n", "a.csv:2:3: error: id: an id is a whole number, and there is"),
        ("a.csv", "count,id\n3\n", "a.csv:2:1: error: has 1 cells, and the header names 2"),
        ("a.csv", "id,id\n3,4\n", "a.csv:1:1: error: has 2 columns id"),
        ("a.csv", "id\n1_0\n", "not '1_0'"),
        ("a.csv", "count,id\n1,7\n1,8\n3,9\n", "the id 9 was read 3 times and stands behind 8"),
        ("a.csv", f"id\n{10**30}\n", "it has more than 63 bits"),
        ("a.npy", "no array", "is no array that numpy saved"),
        ("a.parquet", "no table", "error: "),
        ("a.txt", "1\n", "must end in .npy or .parquet or .csv"),
    ],
)
def test_a_broken_file_is_an_input_error(name: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_hot_ids(tmp_path / name)
    assert words in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_a_columns_name(tmp_path: Path) -> None:
    (tmp_path / "hot.csv").write_text("id,count\n7,5\n3,5\n", encoding="utf-8-sig")
    counts = read_hot_counts(tmp_path / "hot.csv")
    assert counts is not None
    assert (read_hot_ids(tmp_path / "hot.csv").tolist(), counts.tolist()) == ([7, 3], [5, 5])


@pytest.mark.parametrize("end", [".npy", ".parquet"])
def test_an_id_of_64_bits_does_not_become_another(end: str, tmp_path: Path) -> None:
    path, ids = tmp_path / f"hot{end}", np.array([2**63 + 1, 1], dtype=np.uint64)
    if end == ".npy":
        np.save(path, ids)
    else:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"id": ids}), path)
    with pytest.raises(InputError, match="9,223,372,036,854,775,809 has more"):
        read_hot_ids(path)


def test_counts_of_parquet_fall_and_its_columns_are_told_apart(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "hot.parquet"
    parquet.write_table(pyarrow.table({"id": [4, 5], "count": [2, 50]}), path)
    with pytest.raises(InputError, match="sort by count, the largest first"):
        read_hot_ids(path)
    parquet.write_table(pyarrow.table([[1], [2]], names=["id", "id"]), path)
    with pytest.raises(InputError, match="has 2 columns id"):
        read_hot_ids(path)


def test_arrays_that_are_archives_objects_or_damaged_are_told_by_their_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "hot.npy"
    with path.open("wb") as file:
        np.savez(file, ids=np.arange(3))
    with pytest.raises(InputError, match=r"hot\.npy: error: is no array that numpy saved"):
        read_hot_ids(path)
    np.save(path, np.array([1, 2], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="is no whole array of numbers") as caught:
        read_hot_ids(path)
    assert "allow_pickle" not in str(caught.value)
    np.save(path, np.arange(2, dtype=np.int64))
    damaged = path.read_bytes().replace(b"(2,), }             ", b"(10000000000000,), }")
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"hot\.npy: error: is (damaged|no whole array)"):
        read_hot_ids(path)


def test_floats_and_missing_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "hot.npy", np.array([0.5]))
    with pytest.raises(InputError, match="ids are whole numbers"):
        read_hot_ids(tmp_path / "hot.npy")
    with pytest.raises(InputError, match="No such file"):
        read_hot_ids(tmp_path / "none.csv")
