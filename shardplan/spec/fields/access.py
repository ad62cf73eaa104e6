"""How ids hit the rows, as written: ``uniform``, ``{zipf: a}``, ``{cdf: ..}``, ``{reuse: ..}``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from shardplan.spec.fields.numeric import as_number
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean, got
from shardplan.workload.access import Cdf, Pattern, Reuse, Uniform, Zipf

if TYPE_CHECKING:
    from collections.abc import Callable

REUSE_BINS = 17
_STEEPEST_ZIPF = 10
_TOLERANCE = 1e-9
_FORMS = ["uniform", "zipf", "cdf", "reuse"]


def read_access(value: Any) -> Pattern:
    """An access pattern from its written form, or from itself; raises pydantic's custom error."""
    if isinstance(value, Pattern):
        return value
    if value == "uniform":
        return Uniform()
    if isinstance(value, str):
        hint = f"write {{{value}: ...}}" if value in _READERS else did_you_mean(value, _FORMS)
        raise fault("must be uniform, or one of {zipf: }, {cdf: }, {reuse: }" + got(value), hint)
    if not isinstance(value, dict) or len(value) != 1:
        raise fault(
            "must be uniform, or one of {zipf: }, {cdf: }, {reuse: }", "for example {zipf: 1.05}"
        )
    (form, inner), *_ = value.items()
    if form not in _READERS:
        raise fault(f"unknown access {form!r}", did_you_mean(form, _FORMS), "unknown_key", (form,))
    return _READERS[form](inner)


def write_access(access: Pattern) -> Any:
    """The written form, which reads back as the same access pattern."""
    match access:
        case Zipf():
            return {"zipf": access.exponent}
        case Cdf():
            return {"cdf": [list(point) for point in access.points]}
        case Reuse():
            return {"reuse": list(access.bins)}
        case Uniform():
            return "uniform"


def _read_zipf(value: Any) -> Zipf:
    exponent = _number(value, ("zipf",))
    if not 0 < exponent <= _STEEPEST_ZIPF:
        message = f"must be more than 0 and at most {_STEEPEST_ZIPF}" + got(value)
        hint = "write uniform instead" if exponent == 0 else ""
        raise fault(message, hint, "range", ("zipf",))
    return Zipf(exponent)


def _read_cdf(value: Any) -> Cdf:
    if not isinstance(value, list) or not value:
        raise fault("must be a list of [row fraction, access fraction]", at=("cdf",))
    points: list[tuple[float, float]] = []
    for index, pair in enumerate(value):
        at: tuple[str | int, ...] = ("cdf", index)
        if not isinstance(pair, list) or len(pair) != 2:
            raise fault("must be a pair [row fraction, access fraction]" + got(pair), at=at)
        points.append((_number(pair[0], (*at, 0)), _number(pair[1], (*at, 1))))
        _check_point(points, at)
    if points[-1] != (1.0, 1.0):
        points.append((1.0, 1.0))
        _check_point(points, ("cdf", len(value) - 1))
    return Cdf(tuple(points))


def _check_point(points: list[tuple[float, float]], at: tuple[str | int, ...]) -> None:
    """The last point must lie above and right of the one before, on a slope that falls."""
    (rows, accesses), (rows_before, accesses_before) = points[-1], ([(0.0, 0.0), *points])[-2]
    if not (0 < rows <= 1 and 0 <= accesses <= 1):
        raise fault("fractions must be more than 0 and at most 1", code="range", at=at)
    if rows <= rows_before or accesses < accesses_before:
        hint = "both fractions must rise from point to point, up to [1, 1]"
        raise fault("the curve falls here", hint, "range", at)
    if len(points) > 1:
        rows_2, accesses_2 = ([(0.0, 0.0), *points])[-3]
        before = (accesses_before - accesses_2) / (rows_before - rows_2)
        slope = (accesses - accesses_before) / (rows - rows_before)
        if slope > before * (1 + _TOLERANCE) + _TOLERANCE:
            raise fault("the curve grows steeper here", "put the hottest rows first", "range", at)


def _read_reuse(value: Any) -> Reuse:
    if not isinstance(value, list) or len(value) != REUSE_BINS:
        count = f" (got {len(value)})" if isinstance(value, list) else ""
        raise fault(f"must be a list of {REUSE_BINS} numbers{count}", at=("reuse",))
    bins = tuple(_number(share, ("reuse", index)) for index, share in enumerate(value))
    for index, share in enumerate(bins):
        if share < 0:
            raise fault("must be at least 0" + got(share), code="range", at=("reuse", index))
    if not 0 < sum(bins) < math.inf:
        raise fault("must have a positive sum", code="range", at=("reuse",))
    return Reuse(bins)


def _number(value: Any, at: tuple[str | int, ...]) -> float:
    number = as_number(value)
    if number is None:
        raise fault("must be a number" + got(value), code="type", at=at)
    return number


_READERS: dict[str, Callable[[Any], Pattern]] = {
    "zipf": _read_zipf,
    "cdf": _read_cdf,
    "reuse": _read_reuse,
}


def _form(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: schema},
        "required": [name],
        "additionalProperties": False,
    }


_NUMBERS = {"type": "array", "items": {"type": "number"}}

AccessField = Annotated[
    Pattern,
    PlainValidator(read_access),
    PlainSerializer(write_access),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "uniform"},
                _form("zipf", {"type": "number"}),
                _form("cdf", {"type": "array", "items": _NUMBERS}),
                _form("reuse", _NUMBERS),
            ]
        }
    ),
]
"""An access pattern as a field of a model."""
