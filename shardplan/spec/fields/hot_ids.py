"""How many of a table's ids are known to be the hottest, or the file that has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import PlainSerializer, WithJsonSchema, WrapValidator

from shardplan.spec.fields.quantities import Count
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import show
from shardplan.workload.drawn.hot_ids_file import HOT_IDS_SUFFIXES

if TYPE_CHECKING:
    from pydantic import ValidatorFunctionWrapHandler

_IS_NAME = re.compile(r"^[^\W\d]|[/\\]|\.[^\W\d]")
"""What no number has: a letter at its beginning or behind a point, or a folder."""


def _count_or_file(value: object, read: ValidatorFunctionWrapHandler) -> int | str:
    if isinstance(value, str):
        if value.endswith(HOT_IDS_SUFFIXES):
            return value
        if _IS_NAME.search(value):
            message = f"must be a whole number, or the name of a file of ids (got {show(value)})"
            raise fault(message, f"such a name ends in {' or '.join(HOT_IDS_SUFFIXES)}")
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
