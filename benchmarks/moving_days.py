"""Two days of samples whose tables are known: skewed, a few missing, some moved overnight.

Rows are those of Criteo's 26 features, capped at 40 million as MLPerf caps them; skews are Zipf's
laws of 0.5 to 1.2. Of every third table, if it is large enough, a tenth of the ranks are other ids
on the second day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DAYS = 2
_CRITEO = (
    40_000_000, 39_060, 17_295, 7_424, 20_265, 3, 7_122, 1_543, 63, 40_000_000, 3_067_956,
    405_282, 10, 2_209, 11_938, 155, 4, 976, 14, 40_000_000, 40_000_000, 40_000_000, 590_152,
    12_973, 108, 36,
)  # fmt: skip
"""MLPerf's DLRM-DCNv2, as TorchRec's benchmark has it (``--num_embeddings_per_feature``)."""
_LIST_ROWS = 1_000_000
_MISSING, _NO_LIST = 0.03, 0.02
_FLATTEST, _STEEPEST = 0.5, 1.2
_EVERY, _FEWEST_MOVED, _MOVED_IN = 3, 1_000, 10
_FLATTEST_MOVED = 0.8
"""Of flatter tables of 40 million rows nearly every read is of a new id, moved or not."""
_GOLDEN = (5**0.5 - 1) / 2
_CHUNK = 2**19
"""Samples that are made at once: a row group of a file."""


@dataclass(frozen=True, slots=True)
class MadeTable:
    """A column of the data."""

    name: str
    rows: int
    exponent: float
    mean_length: float | None
    """Of its lists; None where it has none."""
    moves: bool

    def ids(self, count: int, day: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """(count,): drawn by Zipf's law, as its density has it, over ranks that are spread out."""
        flat, top = 1 - self.exponent, self.rows + 1.0
        drawn = rng.random(count)
        if abs(flat) < 1e-3:
            np.power(top, drawn, out=drawn)
        else:
            drawn *= top**flat - 1
            drawn += 1
            np.power(drawn, 1 / flat, out=drawn)
        ranks = np.minimum(drawn.astype(np.int64), self.rows) - 1
        shift = np.where(ranks % _MOVED_IN == _MOVED_IN // 2, self.rows // 3 * day, 0)
        return ((ranks + shift * self.moves) * self._stride % self.rows).astype(np.int32)

    def column(self, count: int, day: int, rng: np.random.Generator) -> pa.Array:
        """So many samples."""
        if self.mean_length is None:
            return pa.array(self.ids(count, day, rng), mask=rng.random(count) < _MISSING)
        missing = rng.random(count) < _NO_LIST
        lengths = np.where(missing, 0, rng.geometric(1 / self.mean_length, count))
        ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        values = pa.array(self.ids(int(ends[-1]), day, rng))
        return pa.ListArray.from_arrays(pa.array(ends), values, mask=pa.array(missing))

    @property
    def _stride(self) -> int:
        """Without a common factor, so that each rank has an id of its own."""
        stride = max(1, round(_GOLDEN * self.rows))
        while np.gcd(stride, self.rows) > 1:
            stride += 1
        return stride


def made_tables(
    features: tuple[int, ...] = tuple(range(26)), length: float = 8.0
) -> list[MadeTable]:
    """Some of Criteo's features, and a column of lists."""
    exponents = np.linspace(_FLATTEST, _STEEPEST, len(_CRITEO))
    # So that large tables have all skews, and not the steepest the last ones alone.
    exponents = exponents[np.arange(len(_CRITEO)) * 7 % len(_CRITEO)]
    found = []
    for each in features:
        moves = each % _EVERY == 0 and _CRITEO[each] > _FEWEST_MOVED
        exponent = round(max(float(exponents[each]), _FLATTEST_MOVED * moves), 3)
        found.append(MadeTable(f"cat_{each}", _CRITEO[each], exponent, None, moves))
    return [*found, MadeTable("list", _LIST_ROWS, 0.9, length, False)]


def write_days(folder: Path, tables: list[MadeTable], samples: int) -> None:
    """``day_0.parquet`` and ``day_1.parquet`` with half of the samples each, where they are not."""
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(DAYS):
        path = folder / f"day_{day}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng([samples, day])
        half, left = path.with_suffix(".half"), samples // DAYS
        writer = None
        while left:
            count = min(left, _CHUNK)
            chunk = pa.table({each.name: each.column(count, day, rng) for each in tables})
            writer = writer or parquet.ParquetWriter(half, chunk.schema)
            writer.write_table(chunk, row_group_size=_CHUNK)
            left -= count
        if writer is not None:
            writer.close()
        half.rename(path)
