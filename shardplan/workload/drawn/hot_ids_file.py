"""A file of the ids of a table that come most often: what a profile writes, and a job reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.workload.drawn.hot_ids_csv import COUNT_COLUMN, ID_COLUMN, read_columns

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Columns = tuple[NDArray[np.int64], NDArray[np.int64] | None]
    """Ids, and how often each was read where the file says it."""

HOT_IDS_SUFFIXES = (".npy", ".parquet", ".csv")
"""By which files of hot ids are told from numbers of them."""
_MOST = np.iinfo(np.int64).max
_ARRAY_HINT = "write it by numpy.save: whole numbers, the hottest id first"


def read_hot_ids(path: Path) -> NDArray[np.int64]:
    """(n,): the ids, hottest first, each once.

    A ``.parquet`` or ``.csv`` file has them in its column ``id``; a column ``count`` beside it may
    say how often each was read; others are not read. A ``.npy`` file is an array of ids. Raises
    InputError for files that are no such, that hold no ids, negative ones or one twice, or whose
    counts rise.
    """
    return _read(path)[0]


def read_hot_counts(path: Path) -> NDArray[np.int64] | None:
    """(n,): how often each id of the same file was read, as its column ``count`` says; None where
    it says nothing.

    Raises InputError as ``read_hot_ids`` does.
    """
    return _read(path)[1]


def _read(path: Path) -> Columns:
    read = {".npy": _of_npy, ".parquet": _of_parquet, ".csv": read_columns}.get(path.suffix)
    if read is None:
        raise _error(path, f"must end in {' or '.join(HOT_IDS_SUFFIXES)}")
    try:
        ids, counts = read(path)
    except OSError as error:
        raise _error(path, error.strerror or _first_line(error)) from None
    ids = _whole(path, "ids", ids)
    if not len(ids):
        raise _error(path, "holds no ids")
    if ids.min() < 0:
        raise _error(path, f"{ids.min():,} is no id: they are counted from 0")
    distinct, times = np.unique(ids, return_counts=True)
    if len(distinct) < len(ids):
        raise _error(path, f"the id {distinct[times > 1][0]:,} stands there twice")
    if counts is not None:
        counts = _whole(path, "counts", counts)
        _check_order(path, ids, counts)
    return ids, counts


def _whole(path: Path, what: str, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same as int64; raises InputError where they are none."""
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        held = f"{numbers.dtype}, of {numbers.ndim} dimensions"
        raise _error(path, f"{what} are whole numbers, one after the other, and these are {held}")
    if len(numbers) and numbers.max() > _MOST:
        raise _error(path, f"{what} have at most 63 bits, and {numbers.max():,} has more")
    return np.ascontiguousarray(numbers, dtype=np.int64)


def _check_order(path: Path, ids: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    if counts.min() < 0:
        raise _error(path, f"the count {counts.min():,} is negative")
    rises = np.flatnonzero(counts[1:] > counts[:-1])
    if len(rises):
        at = int(rises[0])
        message = (
            f"the id {ids[at + 1]:,} was read {counts[at + 1]:,} times and stands behind "
            f"{ids[at]:,}, read {counts[at]:,} times"
        )
        raise _error(path, message, f"sort by {COUNT_COLUMN}, the largest first")


def _of_npy(path: Path) -> Columns:
    with path.open("rb") as file:
        begins = file.read(len(np.lib.format.MAGIC_PREFIX))
    if begins != np.lib.format.MAGIC_PREFIX:
        raise _error(path, "is no array that numpy saved", _ARRAY_HINT)
    try:
        found: NDArray[np.int64] = np.load(path, allow_pickle=False)
    except MemoryError:
        message = "is damaged, or too large: it says that it has more numbers than memory holds"
        raise _error(path, message, _ARRAY_HINT) from None
    except (ValueError, OverflowError):
        # numpy's words for it advise to load Python objects, which may run code.
        raise _error(path, "is no whole array of numbers", _ARRAY_HINT) from None
    return found, None


def _of_parquet(path: Path) -> Columns:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        hint = 'pip install "shardplan[parquet]", or write the ids as .npy or .csv'
        raise _error(path, "reading .parquet needs pyarrow", hint) from None
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            held = [name for name in (ID_COLUMN, COUNT_COLUMN) if name in names]
            if ID_COLUMN not in held:
                hint = f"ids, hottest first, are in the column {ID_COLUMN}"
                raise _error(path, f"has no column {ID_COLUMN}", hint)
            for name in held:
                if names.count(name) > 1:
                    raise _error(path, f"has {names.count(name)} columns {name}")
            columns = file.read(columns=held)
        for name in held:
            if missing := columns.column(name).null_count:
                raise _error(path, f"{missing:,} {name}s are missing")
        ids, *counts = (columns.column(name).to_numpy() for name in held)
    except ArrowException as error:
        raise _error(path, _first_line(error)) from None
    return ids, counts[0] if counts else None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _error(path: Path, message: str, hint: str = "") -> InputError:
    return InputError([Diagnostic(str(path), 0, 0, "", message, hint, code="file")])
