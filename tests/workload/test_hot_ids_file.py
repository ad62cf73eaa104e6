"""Files of the hottest ids: read in three formats, refused with their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from shardplan.errors import InputError
from shardplan.workload.drawn.hot_ids_file import read_hot_ids

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
    assert (found.tolist(), found.dtype) == (IDS, np.int64)


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
        ("a.csv", "count,id\n3\n", "a whole number, and there is none"),
        ("a.csv", f"id\n{10**30}\n", "it has more than 63 bits"),
        ("a.npy", "no array", "write it by numpy.save"),
        ("a.parquet", "no table", "error: "),
        ("a.txt", "1\n", "must end in .npy or .parquet or .csv"),
    ],
)
def test_a_broken_file_is_an_input_error(name: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_hot_ids(tmp_path / name)
    assert words in str(caught.value)


def test_floats_and_missing_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "hot.npy", np.array([0.5]))
    with pytest.raises(InputError, match="ids are whole numbers"):
        read_hot_ids(tmp_path / "hot.npy")
    with pytest.raises(InputError, match="No such file"):
        read_hot_ids(tmp_path / "none.csv")
