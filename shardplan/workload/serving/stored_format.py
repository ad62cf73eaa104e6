"""Rows as inference stores them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import gcd

_BITS_PER_BYTE = 8


class StoredFormat(StrEnum):
    """How a row of a table is stored for inference, by FBGEMM's names.

    Of integers a scale and a bias, two fp16, stand in front of each row
    (pytorch/FBGEMM, ``unpadded_row_size_in_bytes``).
    """

    FP32 = "fp32"
    FP16 = "fp16"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"
    INT2 = "int2"

    @property
    def bits(self) -> int:
        """Of one number."""
        return _BITS[self]

    @property
    def scale_bytes(self) -> int:
        """In front of each row: its scale and bias."""
        return 4 if self in (StoredFormat.INT8, StoredFormat.INT4, StoredFormat.INT2) else 0

    def fits(self, dim: int) -> bool:
        """Whether rows of so many columns end with a byte."""
        return dim * self.bits % _BITS_PER_BYTE == 0

    def row_bytes(self, dim: int, layout: RowLayout) -> int:
        """From one row to the next, of ``dim`` columns."""
        unpadded = dim * self.bits // _BITS_PER_BYTE + self.scale_bytes
        return _rounded_up(unpadded, layout.row_alignment_bytes)

    def table_bytes(self, rows: int, dim: int, layout: RowLayout) -> int:
        """Of a table, or of a shard of one."""
        return _rounded_up(rows * self.row_bytes(dim, layout), layout.table_alignment_bytes)

    def read_bytes(self, dim: int, layout: RowLayout) -> float:
        """That memory gives out for one row, in the mean over all rows of a table: whole
        sectors, those that rows share counted for each of them."""
        row, sector = self.row_bytes(dim, layout), layout.sector_bytes
        # A row that begins ``at`` bytes into a sector touches all from there to its end; where
        # rows begin repeats after so many rows.
        starts = range(0, sector, gcd(row, sector))
        touched = [_rounded_up(at + row, sector) for at in starts]
        return sum(touched) / len(touched)


_BITS = {
    StoredFormat.FP32: 32,
    StoredFormat.FP16: 16,
    StoredFormat.FP8: 8,
    StoredFormat.INT8: 8,
    StoredFormat.INT4: 4,
    StoredFormat.INT2: 2,
}


@dataclass(frozen=True, slots=True)
class RowLayout:
    """How a kind of device wants rows to lie, and reads them."""

    row_alignment_bytes: int
    table_alignment_bytes: int
    sector_bytes: int
    """The least that one read of memory moves."""

    @classmethod
    def of(cls, kind: str) -> RowLayout:
        """FBGEMM's alignment of inference tables; sectors of a GPU's L2, lines of a CPU's cache.

        ``kind`` is that of the devices, ``gpu`` or ``cpu``.
        """
        return _LAYOUTS[kind]


_LAYOUTS = {
    "gpu": RowLayout(row_alignment_bytes=16, table_alignment_bytes=128, sector_bytes=32),
    "cpu": RowLayout(row_alignment_bytes=1, table_alignment_bytes=128, sector_bytes=64),
}


def _rounded_up(size_bytes: int, step: int) -> int:
    return -(-size_bytes // step) * step
