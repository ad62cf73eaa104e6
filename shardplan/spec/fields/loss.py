"""Quality that is lost, in a unit that is the user's."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from shardplan import units
from shardplan.spec.fields.numeric import as_number
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got

_EXAMPLE = "for example 0.02 or 0.1%"


def _read(value: Any) -> float:
    number = as_number(value)
    if isinstance(value, str):
        try:
            return units.parse_fraction(value)
        except units.UnitError as error:
            raise fault(str(error), _EXAMPLE, "unit") from None
    if number is None:
        raise fault(f"must be a number or a percentage{got(value)}", _EXAMPLE, "type")
    if not 0 <= number <= 10**9:
        raise fault(f"must not be less than 0{got(value)}", _EXAMPLE, "range")
    return number


Loss = Annotated[
    float,
    BeforeValidator(_read),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]
"""At least 0; ``0.1%`` stands for 0.001."""
