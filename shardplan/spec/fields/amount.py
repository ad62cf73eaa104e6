"""A part of a capacity, as a percentage or as a size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from shardplan import units
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got


@dataclass(frozen=True, slots=True)
class Amount:
    """Either a fraction of what there is or a number of bytes; the other is 0."""

    fraction: float = 0.0
    size_bytes: int = 0

    def of(self, capacity_bytes: float) -> int:
        """Bytes of a capacity, rounded up; may be more than the capacity when given as a size."""
        return self.size_bytes + math.ceil(capacity_bytes * self.fraction)

    def __str__(self) -> str:
        if self.size_bytes:
            return units.exact_bytes(self.size_bytes)
        return units.exact_fraction(self.fraction)


def _read(value: Any) -> Amount:
    if not isinstance(value, str):
        hint = "for example 15% or 8GiB"
        if isinstance(value, float) and 0 < value < 1:
            hint = f"did you mean {units.exact_fraction(value)}?"
        raise fault("must be a percentage or a size" + got(value), hint, "unit")
    try:
        if value.rstrip().endswith("%"):
            return Amount(fraction=units.parse_fraction(value))
        return Amount(size_bytes=units.parse_bytes(value))
    except units.UnitError as error:
        raise fault(str(error), error.hint, "unit") from None


AmountField = Annotated[
    Amount,
    PlainValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["15%", "8GiB"]}),
]
"""An amount as a field of a model."""
