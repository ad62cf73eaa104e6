"""Where in files the samples of some days lie, of which a column says the day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from shardplan.profile.sources.blocks import spread_blocks
from shardplan.profile.storage import opened

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from shardplan.profile.sources.blocks import Block

_READ = 2**17
"""Samples whose days are read at a time."""


def blocks_of_days(
    paths: Sequence[str], column: str, days: Collection[str], batch: int, most: int
) -> tuple[Block, ...]:
    """At most so many blocks of consecutive samples that are all of these days.

    ``days`` are texts as :func:`by_day` has them. Days that take turns sample by sample have none.
    """
    runs = [(path, *run) for path in paths for run in _runs(path, column, days)]
    counts = [(str(at), samples) for at, (_, _, samples) in enumerate(runs)]
    found = []
    for block in spread_blocks(counts, batch, most=most):
        path, begin, _ = runs[int(block.path)]
        found.append(replace(block, path=path, begin=begin + block.begin))
    return tuple(found)


def _runs(path: str, column: str, days: Collection[str]) -> list[tuple[int, int]]:
    """Begin and length of each run of samples of these days."""
    with opened(path) as stream:
        file = parquet.ParquetFile(stream)
        batches = file.iter_batches(batch_size=_READ, columns=[column])
        inside = [_is_of(batch.column(0), days) for batch in batches]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], *inside, [False]]).astype(np.int8)))
    return [(begin, end - begin) for begin, end in edges.reshape(-1, 2).tolist()]


def _is_of(held: pa.Array, days: Collection[str]) -> NDArray[np.bool_]:
    """Whether each sample is of these days; each of the few different days is named once."""
    if pa.types.is_timestamp(held.type):
        held = held.cast(pa.date32(), safe=False)
    encoded = held.dictionary_encode()
    named = pc.is_in(encoded.dictionary.cast(pa.string()), value_set=pa.array([*days], pa.string()))
    found: NDArray[np.bool_] = np.asarray(named)[encoded.indices.to_numpy()]
    return found
