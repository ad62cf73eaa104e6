"""Formats on the wire, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.quantities import BytesPerSecond, Count, Number, Share
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean
from shardplan.workload.dtype import Dtype
from shardplan.workload.wire.wire_collective import WireCollective
from shardplan.workload.wire.wire_type import FP8_ROW, FP32_BYTES, WireType
from shardplan.workload.wire.wires import WirePair, Wires

if TYPE_CHECKING:
    from collections.abc import Mapping


class WirePairSpec(Border):
    """Formats of one collective; what is left out is as for all."""

    forward: Name | None = None
    backward: Name | None = None


class CodecSpec(Border):
    """A format of the user's own."""

    ratio: Annotated[Number, Field(gt=0, le=1000)]
    """How many times fewer bytes it takes than fp32."""
    encode: BytesPerSecond
    """Bytes of fp32 numbers that a device encodes in a second."""
    decode: BytesPerSecond
    """The same of decoding."""
    error: Share
    """The most that a number may be off, relative to itself."""

    def wire_type(self, name: str) -> WireType:
        """The format."""
        return WireType(
            name,
            FP32_BYTES / self.ratio,
            self.error,
            encode_bytes_per_second=self.encode,
            decode_bytes_per_second=self.decode,
        )


class CommDtypeSpec(Border):
    """Number formats of outputs and their gradients on the wire: of all collectives, and of single
    ones where it says so."""

    forward: Name = Dtype.FP32.value
    backward: Name = Dtype.FP32.value
    pooled_all_to_all: WirePairSpec | None = None
    """Of pooled outputs of whole rows."""
    reduce_scatter: WirePairSpec | None = None
    """Of parts of pooled outputs, which are summed on their way."""
    sequence_all_to_all: WirePairSpec | None = None
    """Of outputs for each id."""
    fp8_row: Annotated[Count, Field(le=65_536)] | None = None
    """Numbers that share a scale of fp8 (TorchRec's ``fp8_quantize_dim``); by default 128."""
    codecs: dict[Name, CodecSpec] | None = None
    """Formats of one's own, by the names that they are then called by."""

    @property
    def known(self) -> dict[str, WireType]:
        """Formats by name."""
        own = {name: codec.wire_type(name) for name, codec in (self.codecs or {}).items()}
        return {**WireType.named(self.fp8_row or FP8_ROW), **own}

    @property
    def base(self) -> tuple[Dtype, Dtype] | None:
        """What all collectives take alike, where that are formats of hardware."""
        if self.model_fields_set - {"forward", "backward"}:
            return None
        names = [str(each) for each in Dtype]
        if self.forward not in names or self.backward not in names:
            return None
        return Dtype(self.forward), Dtype(self.backward)

    @property
    def wires(self) -> Wires:
        """By collective."""
        known, asked = self.known, {}
        for collective in WireCollective:
            own: WirePairSpec = getattr(self, collective.value) or WirePairSpec()
            forward, backward = own.forward or self.forward, own.backward or self.backward
            asked[collective] = WirePair(known[forward], known[backward])
        return Wires.of(asked)

    @model_validator(mode="after")
    def _check_names(self) -> CommDtypeSpec:
        builtin, known = WireType.named(), self.known
        for name in self.codecs or ():
            if (small := name.lower()) in builtin:
                said = "is" if name == small else f"differs by case alone from {small}, which is"
                raise fault(f"{said} a format by itself", "call it otherwise", at=("codecs", name))
        _check(self.forward, known, ("forward",))
        _check(self.backward, known, ("backward",))
        for collective in WireCollective:
            own: WirePairSpec | None = getattr(self, collective.value)
            for way in ("forward", "backward") if own else ():
                if (name := getattr(own, way)) is not None:
                    _check(name, known, (collective.value, way))
        return self


def _check(name: str, known: Mapping[str, WireType], at: tuple[str, ...]) -> None:
    if name not in known:
        message = f"must be one of {', '.join(known)} (got {name!r})"
        hint = did_you_mean(name, known)
        if not hint.startswith("did you mean"):
            hint = "a format of your own is declared by its name in training.comm_dtype.codecs"
        raise fault(message, hint, at=at)
