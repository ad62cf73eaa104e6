"""How often queries come, as written: ``5000/s``, ``2e6/h``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from shardplan.spec.fields.numeric import as_number
from shardplan.spec.text.scalars import ScalarError, resolve
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_WRITTEN = re.compile(r"\s*(\S+?)\s*/\s*(s|min|h|d)\s*", re.ASCII)
_MOST = 1e12
_EXAMPLE = "for example 5000/s"


def _read(value: Any) -> float:
    if as_number(value) is not None:
        raise fault(f"needs a unit{got(value)}", f"write {value}/s, or per min, h, d", "unit")
    if not isinstance(value, str):
        raise fault(f"must be a number of queries per time{got(value)}", _EXAMPLE, "type")
    found = _WRITTEN.fullmatch(value)
    if found is None:
        raise fault(f"must be a number of queries per time{got(value)}", _EXAMPLE, "unit")
    try:
        number = as_number(resolve(found[1]))
    except ScalarError:
        number = None
    if number is None or not 0 < number <= _MOST:
        raise fault(f"must be more than 0 and at most {_MOST:g}{got(value)}", _EXAMPLE, "range")
    return number / _SECONDS[found[2]]


def _write(per_second: float) -> str:
    return f"{per_second!r}/s"


QueryRate = Annotated[
    float,
    BeforeValidator(_read),
    PlainSerializer(_write, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["5000/s", "2e6/h"]}),
]
"""More than 0, in queries per second."""
