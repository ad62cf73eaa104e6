"""Batches from all over the files, each whole and as it lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("fsspec")
pytest.importorskip("pyarrow")

import pyarrow as pa
from pyarrow import parquet

from shardplan.profile.sources.blocks import Block, read_blocks, spread_blocks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("samples", [(10,), (3, 0, 25), (7, 8, 9, 100)])
@pytest.mark.parametrize("batch", [1, 4, 11])
@pytest.mark.parametrize("most", [1, 3, 1_000])
def test_blocks_are_the_middles_of_equal_parts_of_all_whole_ones(
    samples: tuple[int, ...], batch: int, most: int
) -> None:
    counts = [(f"file {at}", count) for at, count in enumerate(samples)]
    every = [
        Block(path, begin, batch)
        for path, count in counts
        for begin in range(0, count - batch + 1, batch)
    ]
    wanted = min(most, len(every))
    middles = [int((at + 0.5) * len(every) / wanted + 1e-9) for at in range(wanted)]
    assert spread_blocks(counts, batch, most=most) == tuple(every[at] for at in middles)


@pytest.mark.parametrize("group", [1, 3, 7, 50])
def test_a_block_is_what_lies_there_whatever_the_row_groups(tmp_path: Path, group: int) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for number, path in enumerate(paths):
        ids = np.arange(50) + 100 * number
        parquet.write_table(pa.table({"x": ids, "y": -ids}), path, row_group_size=group)
    blocks = spread_blocks([(str(path), 50) for path in paths], 6)[::2]
    read = list(read_blocks(blocks, ["y"]))
    assert [table.column_names for table in read] == [["y"]] * len(blocks)
    for block, table in zip(blocks, read, strict=True):
        begin = block.begin + 100 * (block.path == str(paths[1]))
        assert (-table["y"].to_numpy()).tolist() == list(range(begin, begin + 6))
