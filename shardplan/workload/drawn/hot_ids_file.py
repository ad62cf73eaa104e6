"""A file of the ids of a table that come most often: what a profile writes, and a job reads."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HOT_IDS_SUFFIXES = (".npy", ".parquet", ".csv")
"""By which files of hot ids are told from numbers of them."""
_COLUMN, _COUNTS = "id", "count"


def read_hot_ids(path: Path) -> NDArray[np.int64]:
    """(n,): the ids, hottest first, each once.

    A ``.parquet`` or ``.csv`` file has them in its column ``id``, others beside it are not read; a
    ``.npy`` file is an array of them. Raises InputError for files that are no such, that hold no
    ids or negative ones, or one twice.
    """
    read = {".npy": _of_npy, ".parquet": _of_parquet, ".csv": _of_csv}.get(path.suffix)
    if read is None:
        raise _error(path, f"must end in {' or '.join(HOT_IDS_SUFFIXES)}")
    try:
        ids = read(path)
    except OSError as error:
        raise _error(path, error.strerror or str(error)) from None
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        held = f"{ids.dtype} of {ids.ndim} dimensions"
        raise _error(path, f"ids are whole numbers, one after the other, and these {held}")
    if not len(ids):
        raise _error(path, "holds no ids")
    if ids.min() < 0:
        raise _error(path, f"{ids.min():,} is no id: they are counted from 0")
    distinct, counts = np.unique(ids, return_counts=True)
    if len(distinct) < len(ids):
        raise _error(path, f"the id {distinct[counts > 1][0]:,} stands there twice")
    return np.ascontiguousarray(ids, dtype=np.int64)


def read_hot_counts(path: Path) -> NDArray[np.int64] | None:
    """(n,): how often each id of a file that ``read_hot_ids`` takes was read, as its column
    ``count`` says; None where it says nothing, and of files that are not Parquet.

    Raises InputError for counts that are no whole numbers.
    """
    if path.suffix != ".parquet":
        return None
    from pyarrow import parquet

    columns = parquet.read_table(path)
    if _COUNTS not in columns.column_names:
        return None
    counts: NDArray[np.int64] = columns.column(_COUNTS).to_numpy()
    if not np.issubdtype(counts.dtype, np.integer):
        raise _error(path, f"counts are whole numbers, and these {counts.dtype}")
    return np.ascontiguousarray(counts, dtype=np.int64)


def _of_npy(path: Path) -> NDArray[np.int64]:
    try:
        found: NDArray[np.int64] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        hint = "write it by numpy.save: whole numbers, the hottest id first"
        raise _error(path, str(error), hint) from None
    return found


def _of_parquet(path: Path) -> NDArray[np.int64]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        hint = 'pip install "shardplan[parquet]", or write the ids as .npy or .csv'
        raise _error(path, "reading .parquet needs pyarrow", hint) from None
    try:
        column = parquet.read_table(path, columns=[_COLUMN]).columns
    except ArrowException as error:
        raise _error(path, str(error).partition(".")[0]) from None
    if not column:
        raise _no_column(path)
    if column[0].null_count:
        raise _error(path, f"{column[0].null_count:,} ids are missing")
    found: NDArray[np.int64] = column[0].to_numpy()
    return found


def _of_csv(path: Path) -> NDArray[np.int64]:
    with path.open(newline="", encoding="utf-8") as file:
        try:
            header = next(csv.reader(file), [])
            if _COLUMN not in header:
                raise _no_column(path, 1)
            place = header.index(_COLUMN)
            ids = [_id_of(path, row, place, 2 + n) for n, row in enumerate(csv.reader(file)) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise _error(path, str(error)) from None
    try:
        return np.array(ids, dtype=np.int64)
    except OverflowError:
        raise _error(path, f"{max(ids):,} is no id: it has more than 63 bits") from None


def _id_of(path: Path, row: list[str], place: int, line: int) -> int:
    try:
        return int(row[place])
    except (IndexError, ValueError):
        said = f"not {row[place]!r}" if place < len(row) else "and there is none"
        message, column = f"an id is a whole number, {said}", 1 + sum(map(len, row[:place])) + place
        raise InputError([Diagnostic(str(path), line, column, _COLUMN, message)]) from None


def _no_column(path: Path, line: int = 0) -> InputError:
    hint = f"ids, hottest first, are in the column {_COLUMN}"
    message = f"has no column {_COLUMN}"
    return InputError([Diagnostic(str(path), line, min(line, 1), "", message, hint, code="file")])


def _error(path: Path, message: str, hint: str = "") -> InputError:
    return InputError([Diagnostic(str(path), 0, 0, "", message, hint, code="file")])
