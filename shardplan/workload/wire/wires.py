"""The formats on the wire by collective, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.workload.dtype import Dtype
from shardplan.workload.wire.wire_collective import WireCollective
from shardplan.workload.wire.wire_type import WireType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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
