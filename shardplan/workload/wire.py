"""The formats of what goes over the wire: by collective, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FP8_ROW = 128
"""Numbers that share a scale, where nothing else is said."""
FP32_BYTES = 4


class WireCollective(StrEnum):
    """What travels, by a name that follows TorchRec's ``CommOp``."""

    POOLED_ALL_TO_ALL = "pooled_all_to_all"
    """Pooled outputs of whole rows; between nodes also those whose parts were summed in a node."""
    REDUCE_SCATTER = "reduce_scatter"
    """Parts of pooled outputs that are summed on their way; their gradients are gathered."""
    SEQUENCE_ALL_TO_ALL = "sequence_all_to_all"
    """A row for each id."""


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
            cls("fp8", fp8, 2.0**-4, is_summed=False, scale_numbers=row),
            cls("int8", 40 / 32, 1 / 255),
            cls("mx4", 17 / 32, 2.0**-2, is_summed=False),
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


@dataclass(frozen=True, slots=True)
class WirePair:
    """Of one collective."""

    forward: WireType
    backward: WireType

    def __iter__(self) -> Iterator[WireType]:
        return iter((self.forward, self.backward))

    @property
    def summed(self) -> Self:
        """What TorchRec sends instead where parts are summed on their way."""
        forward, backward = self.forward, self.backward
        return type(self)(
            forward if forward.is_summed else WireType.plain(Dtype.FP16),
            backward if backward.is_summed else WireType.plain(Dtype.BF16),
        )


@dataclass(frozen=True, slots=True)
class Wires:
    """Of all collectives, as they are sent."""

    pooled_all_to_all: WirePair
    reduce_scatter: WirePair
    sequence_all_to_all: WirePair

    @classmethod
    def of(cls, asked: Mapping[WireCollective, WirePair]) -> Self:
        """With another format where the one asked for cannot be summed."""
        return cls(
            asked[WireCollective.POOLED_ALL_TO_ALL],
            asked[WireCollective.REDUCE_SCATTER].summed,
            asked[WireCollective.SEQUENCE_ALL_TO_ALL],
        )

    @classmethod
    def alike(cls, forward: Dtype, backward: Dtype) -> Self:
        """One pair for all."""
        pair = WirePair(WireType.plain(forward), WireType.plain(backward))
        return cls(pair, pair, pair)

    def __iter__(self) -> Iterator[WirePair]:
        return (self[each] for each in WireCollective)

    def __getitem__(self, collective: WireCollective) -> WirePair:
        pair: WirePair = getattr(self, collective.value)
        return pair

    def at(self, *, is_forward: bool) -> dict[WireCollective, WireType]:
        """Of one direction."""
        return {
            each: self[each].forward if is_forward else self[each].backward
            for each in WireCollective
        }
