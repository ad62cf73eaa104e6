"""A number format on the wire: its bytes, its error, and what it takes to make and to read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from shardplan.workload.dtype import Dtype

FP8_ROW = 128
"""Numbers that share a scale, where nothing else is said."""
FP32_BYTES = 4


@dataclass(frozen=True, slots=True)
class WireType:
    """A number format on the wire."""

    name: str
    element_bytes: float
    """Of a number, its share of what several numbers share included."""
    error: float
    """The most that a number may be off, relative to itself; of formats whose numbers share a
    scale, relative to the largest of them."""
    is_cast: bool = False
    """Whether it is a number format of hardware: made and read as numbers are copied."""
    encode_bytes_per_second: float | None = None
    """Of fp32 numbers; None: as fast as memory is read and written."""
    decode_bytes_per_second: float | None = None
    is_summed: bool = True
    """Whether TorchRec sends it where parts are summed on their way."""
    scale_numbers: int | None = None
    """Of fp8, how many numbers share a scale."""
    shares_scale: bool = False
    """Whether numbers share a scale at all, so that ``error`` is relative to the largest."""

    @classmethod
    def plain(cls, dtype: Dtype) -> Self:
        """A format of hardware, rounded to nearest."""
        digits = {Dtype.FP32: 24, Dtype.FP16: 11, Dtype.BF16: 8}[dtype]
        return cls(dtype.value, dtype.bytes, 2.0**-digits, is_cast=True)

    @classmethod
    def named(cls, row: int = FP8_ROW) -> dict[str, Self]:
        """All that are known without a spec, for an fp8 of so many numbers to a scale.

        As FBGEMM has them (``quantize_comm``, TorchRec's ``fbgemm_qcomm_codec``): fp8 keeps 4
        binary digits of each number and 8 bytes for each row of ``row``, padded to 4; int8 a scale
        and a bias for each 32 numbers, 255 steps apart; MX4 2 digits, and a byte for each 32.
        """
        fp8 = (row + -row % 4 + 8) / row
        quantised = (
            cls("fp8", fp8, 2.0**-4, is_summed=False, scale_numbers=row, shares_scale=True),
            cls("int8", 40 / 32, 1 / 255, shares_scale=True),
            cls("mx4", 17 / 32, 2.0**-2, is_summed=False, shares_scale=True),
        )
        return {each.name: each for each in (*map(cls.plain, Dtype), *quantised)}

    def codec_seconds(self, output_bytes: float, bytes_per_second: float) -> float:
        """To make a number of this format and to read it again, of an output of so many bytes.

        ``bytes_per_second`` is what passes over memory attain. Casts happen in passes that there
        are anyway, as numbers are put where they are sent from.
        """
        if self.is_cast:
            return 0.0
        passed = (output_bytes + self.element_bytes) / bytes_per_second
        ways = self.encode_bytes_per_second, self.decode_bytes_per_second
        return sum(passed if rate is None else FP32_BYTES / rate for rate in ways)


def sent_as(dtype: Dtype, name: str) -> str:
    """What travels of numbers in this format where another is asked for: the narrower one."""
    wire = WireType.named().get(name)
    return name if wire is None or wire.element_bytes < dtype.bytes else dtype.value
