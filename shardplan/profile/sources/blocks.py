"""Whole blocks of consecutive samples: what batches are, in the order of the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from shardplan.profile.storage import opened, refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive samples of a Parquet file."""

    path: str
    begin: int
    samples: int


def samples_of(path: str) -> int:
    """Samples of a Parquet file; raises InputError where it is none."""
    try:
        with opened(path) as stream:
            return int(parquet.read_metadata(stream).num_rows)
    except pa.ArrowException as error:
        message = "is empty" if "0 bytes" in str(error) else f"is no Parquet file: {error}"
        raise refused(path, message) from None


def spread_blocks(
    counts: Sequence[tuple[str, int]], batch: int, *, most: int | None = None, share: float = 1.0
) -> tuple[Block, ...]:
    """Blocks of ``batch`` samples from all over the files, whose samples are given; none straddles
    two files. At most so many, or a share of all, one at least where there are any."""
    whole = np.array([samples // batch for _, samples in counts], np.int64)
    ends, all_ = np.cumsum(whole), int(whole.sum())
    wanted = min(all_, most if most is not None else max(1, round(share * all_)))
    found = []
    for at in range(wanted):
        block = (2 * at + 1) * all_ // (2 * wanted)
        file = int(np.searchsorted(ends, block, side="right"))
        begin = (block - int(ends[file] - whole[file])) * batch
        found.append(Block(counts[file][0], begin, batch))
    return tuple(found)


def by_path(blocks: Sequence[Block]) -> dict[str, list[Block]]:
    """The blocks of each file."""
    found: dict[str, list[Block]] = {}
    for block in blocks:
        found.setdefault(block.path, []).append(block)
    return found


def read_blocks(blocks: Sequence[Block], columns: Sequence[str] | None) -> Iterator[pa.Table]:
    """The columns of each block; of a file only the row groups that blocks are in are read, and
    once where blocks that follow each other are in the same."""
    named = None if columns is None else list(columns)
    for path, inside in by_path(blocks).items():
        with opened(path) as stream:
            file = parquet.ParquetFile(stream)
            groups = range(file.num_row_groups)
            ends = np.cumsum([file.metadata.row_group(group).num_rows for group in groups])
            before, table = (0, 0), None
            for block in inside:
                first, last = np.searchsorted(
                    ends, [block.begin, block.begin + block.samples - 1], side="right"
                ).tolist()
                if table is None or before != (first, last):
                    table = None  # So that there is never room for two.
                    table = file.read_row_groups(list(range(first, last + 1)), columns=named)
                    before = first, last
                start = int(ends[first - 1]) if first else 0
                yield table.slice(block.begin - start, block.samples)


def write_sample(blocks: Sequence[Block], target: Path) -> None:
    """The blocks as a Parquet file of their own."""
    writer = None
    try:
        for table in read_blocks(blocks, None):
            writer = writer or parquet.ParquetWriter(target, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
