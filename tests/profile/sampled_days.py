"""Samples of two days as files, and what numpy counts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DAYS = 2
ROWS = {"site": 800, "ad": 3_000}


def write_days(folder: Path, samples: int, seed: int = 0) -> Path:
    """``day_0.parquet`` and ``day_1.parquet``: two columns with nulls, and a list with nulls."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    for day in range(DAYS):
        columns = {}
        for name, rows in ROWS.items():
            weights = 1 / np.arange(1, rows + 1)
            ids = np.random.default_rng(rows).permutation(rows)[
                rng.choice(rows, samples, p=weights / weights.sum())
            ]
            columns[name] = pa.array(ids, mask=rng.random(samples) < 0.03)
        lengths = rng.geometric(0.3, samples) - 1
        ids = rng.zipf(1.3, lengths.sum()) % 2_000
        cuts = np.cumsum(lengths)[:-1]
        lists = [part.tolist() for part in np.split(ids, cuts)]
        missing = rng.random(samples) < 0.02
        columns["history"] = pa.array(
            [None if gone else each for each, gone in zip(lists, missing, strict=True)],
            pa.list_(pa.int64()),
        )
        parquet.write_table(pa.table(columns), folder / f"day_{day}.parquet", row_group_size=997)
    return folder


def ids_of(folder: Path, column: str, days: range = range(DAYS)) -> NDArray[np.int64]:
    """All ids of a column, by numpy."""
    found = []
    for day in days:
        held = parquet.read_table(folder / f"day_{day}.parquet")[column].combine_chunks()
        if pa.types.is_list(held.type):
            held = held.flatten()
        found.append(np.asarray(held.drop_null(), dtype=np.int64))
    return np.concatenate(found)


def lengths_of(folder: Path, column: str) -> NDArray[np.int64]:
    """Ids of each sample, 0 where none are."""
    found = []
    for day in range(DAYS):
        held = parquet.read_table(folder / f"day_{day}.parquet")[column].combine_chunks()
        found.append([0 if each is None else len(each) for each in held.to_pylist()])
    return np.concatenate(found)
