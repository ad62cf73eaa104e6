"""Field types of everything that people write; each refuses what YAML would let slip through."""

from __future__ import annotations

import math
import re
from fractions import Fraction as Exact
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StrictBool,
    WithJsonSchema,
)

from shardplan import units
from shardplan.spec.fields.numeric import as_number, as_whole
from shardplan.spec.text.scalars import ScalarError, resolve
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got

if TYPE_CHECKING:
    from collections.abc import Callable


_FREE = "free"
_LEAST_SHARE = 1e-6
_MOST_TIMES = 1e6


def _with_unit(parse: Callable[[str], float], noun: str, example: str) -> Callable[[Any], float]:
    """Read text with ``parse``; refuse bare numbers, which have no unit."""

    def read(value: Any) -> float:
        if isinstance(value, str):
            return _parsed(parse, value)
        if as_number(value) is not None:
            raise fault(f"needs a unit{got(value)}", f"for example {example}", "unit")
        raise fault(f"must be a {noun} with a unit{got(value)}", f"for example {example}", "type")

    return read


_read_rate = _with_unit(units.parse_rate, "rate", "450GB/s or 200Gb/s")


def _read_rate_or_free(value: Any) -> float:
    return math.inf if value == _FREE else _read_rate(value)


def _write_rate_or_free(bytes_per_second: float) -> str:
    return _FREE if math.isinf(bytes_per_second) else units.exact_rate(bytes_per_second)


def _parsed(parse: Callable[[str], float], text: str) -> float:
    try:
        return parse(text)
    except units.UnitError as error:
        raise fault(str(error), error.hint, "unit") from None


def _read_fraction(value: Any) -> float:
    if isinstance(value, str):
        return _parsed(units.parse_fraction, value)
    number = _read_number(value)
    if not 0 <= number <= 1:
        hint = f"did you mean {number:g}%?" if 1 < number <= 100 else "for example 15% or 0.15"
        raise fault(f"must be between 0 and 1, or a percentage{got(value)}", hint, "range")
    return number


def _more_than_nothing(share: float) -> float:
    if share < _LEAST_SHARE:
        message = f"must be at least {_LEAST_SHARE:.4%}{got(share)}"
        raise fault(message, "for example 90% or 0.9", "range")
    return share


def _more_than_no_bytes(size_bytes: int) -> int:
    if size_bytes <= 0:
        raise fault("must be more than 0 bytes", "leave out what is not there", "range")
    return size_bytes


def _read_number(value: Any) -> float:
    number = as_number(value)
    if number is None:
        raise fault("must be a number" + got(value), _unquote_hint(value, "0.5"), "type")
    return number


def _read_whole(value: Any) -> int:
    whole = as_whole(value)
    if whole is None:
        raise fault("must be a whole number" + got(value), _unquote_hint(value, "8"), "type")
    return whole


def _unquote_hint(value: Any, example: str) -> str:
    """What to do about a number in quotes, with a suffix, or about something else."""
    if isinstance(value, str) and (number := _counted(value)):
        return f"write {number}"
    try:
        is_number = isinstance(value, str) and isinstance(resolve(value), int | float)
    except ScalarError:
        is_number = False
    return "write the number without quotes" if is_number else f"for example {example}"


def _counted(text: str) -> str:
    """``40_000_000`` of ``40M``, ``40 million`` or ``40,000,000``; empty where it is none."""
    found = _COUNT.fullmatch(text.strip())
    if found is None or not (found[2] or "," in found[1]):
        return ""
    suffix = found[2].lower()
    factor = _FACTORS["k" if suffix == "thousand" else suffix[:1]]
    number = Exact(found[1].replace(",", "").replace("_", "")) * factor
    return f"{int(number):_}" if number.denominator == 1 else f"{float(number):g}"


_COUNT = re.compile(
    r"(\d[\d,_]{0,30}(?:\.\d{1,30})?)\s*(k|m|mm|mn|mio|g|b|bn|t|thousand|million|billion|trillion|)",
    re.ASCII | re.IGNORECASE,
)
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}


def _schema(*choices: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema(choices[0] if len(choices) == 1 else {"anyOf": list(choices)})


_TEXT = {"type": "string"}

Bytes = Annotated[
    int,
    BeforeValidator(_with_unit(units.parse_bytes, "size", "80GiB or 1.5TB")),
    PlainSerializer(units.exact_bytes, return_type=str),
    _schema(_TEXT | {"examples": ["80GiB", "1.5TB"]}),
]
"""A size with a unit, in bytes."""

SomeBytes = Annotated[Bytes, AfterValidator(_more_than_no_bytes)]
"""A size that is more than 0."""

BytesPerSecond = Annotated[
    float,
    BeforeValidator(_read_rate),
    PlainSerializer(units.exact_rate, return_type=str),
    _schema(_TEXT | {"examples": ["450GB/s", "200Gb/s"]}),
]
"""A rate with a unit, more than 0, in bytes per second; ``b`` is a bit and ``B`` a byte."""

FlopPerSecond = Annotated[
    float,
    BeforeValidator(_with_unit(units.parse_flop_rate, "rate of computing", "989TFLOPS")),
    PlainSerializer(units.exact_flop_rate, return_type=str),
    _schema(_TEXT | {"examples": ["989TFLOPS"]}),
]
"""Operations per second with a unit, more than 0."""

RateOrFree = Annotated[
    float,
    BeforeValidator(_read_rate_or_free),
    PlainSerializer(_write_rate_or_free, return_type=str),
    _schema({"const": _FREE}, _TEXT | {"examples": ["450GB/s", "200Gb/s"]}),
]
"""The same, or ``free``: infinite, for bytes that cost nothing."""

Watts = Annotated[
    float,
    BeforeValidator(_with_unit(units.parse_watts, "power", "10.2kW")),
    PlainSerializer(units.exact_watts, return_type=str),
    _schema(_TEXT | {"examples": ["10.2kW"]}),
]
"""Power with a unit, in watts."""

Seconds = Annotated[
    float,
    BeforeValidator(_with_unit(units.parse_seconds, "time", "5us or 4ms")),
    PlainSerializer(units.exact_seconds, return_type=str),
    _schema(_TEXT | {"examples": ["5us", "4ms"]}),
]
"""A time with a unit, in seconds."""

Fraction = Annotated[
    float,
    BeforeValidator(_read_fraction),
    _schema({"type": "number", "minimum": 0, "maximum": 1}, _TEXT | {"examples": ["15%"]}),
]
"""A share between 0 and 1, as a percentage or as a plain number."""

Share = Annotated[Fraction, AfterValidator(_more_than_nothing)]
"""A share that is not next to nothing, as a percentage or as a plain number."""

Number = Annotated[float, BeforeValidator(_read_number)]
"""A finite number; neither text nor true or false."""

Times = Annotated[Number, Field(ge=1 / _MOST_TIMES, le=_MOST_TIMES)]
"""A factor that could be meant: neither next to nothing nor without end."""

PerSecond = Annotated[Number, Field(ge=1, le=1e12)]
"""How often something happens that is counted, such as reads of a disk."""

Microseconds = Annotated[Number, Field(gt=0, le=1e12)]
"""A time without a unit, in tables of very many."""

Whole = Annotated[int, BeforeValidator(_read_whole)]
"""A whole number, which may be written ``4e7`` or ``40_000_000``."""

Count = Annotated[Whole, Field(ge=1)]
"""A whole number of things, at least 1."""

Flag = StrictBool
"""``true`` or ``false``, and nothing that resembles them."""
