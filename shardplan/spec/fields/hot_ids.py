"""How many of a table's ids are known to be the hottest, or the file that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import PlainSerializer, WithJsonSchema, WrapValidator

from shardplan.spec.fields.quantities import Count
from shardplan.workload.drawn.hot_ids_file import HOT_IDS_SUFFIXES

if TYPE_CHECKING:
    from pydantic import ValidatorFunctionWrapHandler


def _count_or_file(value: object, read: ValidatorFunctionWrapHandler) -> int | str:
    if isinstance(value, str) and value.endswith(HOT_IDS_SUFFIXES):
        return value
    found: int = read(value)
    return found


def _as_it_is(value: int | str) -> int | str:
    return value


if TYPE_CHECKING:
    HotIds = int | str
else:
    HotIds = Annotated[
        Count,
        WrapValidator(_count_or_file),
        PlainSerializer(_as_it_is, return_type=int | str),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
    ]
    """A number of ids, or the name of a file of them: no union, so that a fault has one reason."""
