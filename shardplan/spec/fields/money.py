"""Amounts of money, and prices of an hour and of a kilowatt-hour: ``49.24USD/h``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got

if TYPE_CHECKING:
    from collections.abc import Callable

_MONEY = re.compile(
    r"(\d[\d_]{0,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)\s*([A-Z]{3})(/\w{1,10})?", re.ASCII
)
_MOST = 1e15


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency, and what it is paid for."""

    amount: float
    currency: str
    """Three capitals, as ISO 4217 has them."""
    per: str = ""
    """``h`` or ``kWh``; empty for an amount that is paid once."""

    def __str__(self) -> str:
        number = f"{self.amount:.15g}"
        each = number if float(number) == self.amount else repr(self.amount)
        return f"{each}{self.currency}" + (f"/{self.per}" if self.per else "")


def _reader(per: str, example: str) -> Callable[[Any], Money]:
    """Of amounts that are all paid ``per`` the same."""
    unit = f"/{per}" if per else ""

    def read(value: Any) -> Money:
        if isinstance(value, Money):
            return value
        found = _MONEY.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None:
            message = f"must be an amount with a currency{unit and f' and {unit}'}{got(value)}"
            raise fault(message, f"for example {example}", "unit")
        if (found[3] or "") != unit:
            message = f"must be an amount {f'per {per}' if per else 'that is paid once'}"
            raise fault(message + got(value), f"for example {example}", "unit")
        amount = float(found[1].replace("_", ""))
        if amount > _MOST:
            raise fault(f"is too much{got(value)}", "check the unit", "range")
        return Money(amount, found[2], per)

    return read


def _schema(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example]})


Amount = Annotated[
    Money,
    PlainValidator(_reader("", "300000USD")),
    PlainSerializer(str, return_type=str),
    _schema("300000USD"),
]
"""Paid once."""

PerHour = Annotated[
    Money,
    PlainValidator(_reader("h", "49.24USD/h")),
    PlainSerializer(str, return_type=str),
    _schema("49.24USD/h"),
]
"""Paid for each hour."""

PerKilowattHour = Annotated[
    Money,
    PlainValidator(_reader("kWh", "0.1USD/kWh")),
    PlainSerializer(str, return_type=str),
    _schema("0.1USD/kWh"),
]
"""Paid for energy."""
