"""Whole blocks of consecutive samples: what batches are, in the order of the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    blocks = [
        Block(path, begin, batch)
        for path, samples in counts
        for begin in range(0, samples - batch + 1, batch)
    ]
    wanted = min(len(blocks), most if most is not None else max(1, round(share * len(blocks))))
    return tuple(blocks[(2 * at + 1) * len(blocks) // (2 * wanted)] for at in range(wanted))


def read_blocks(blocks: Sequence[Block], columns: Sequence[str] | None) -> Iterator[pa.Table]:
    """The columns of each block; of a file only the row groups that blocks are in are read."""
    by_path: dict[str, list[Block]] = {}
    for block in blocks:
        by_path.setdefault(block.path, []).append(block)
    for path, inside in by_path.items():
        with opened(path) as stream:
            file = parquet.ParquetFile(stream)
            for block in inside:
                yield _read(file, block, columns)


def _read(file: parquet.ParquetFile, block: Block, columns: Sequence[str] | None) -> pa.Table:
    groups: list[int] = []
    end, begins, first = block.begin + block.samples, 0, 0
    for index in range(file.num_row_groups):
        rows = file.metadata.row_group(index).num_rows
        if begins < end and begins + rows > block.begin:
            first = first if groups else begins
            groups.append(index)
        begins += rows
    table = file.read_row_groups(groups, columns=None if columns is None else list(columns))
    return table.slice(block.begin - first, block.samples)


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
