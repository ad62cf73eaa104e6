"""The first of very many errors of pydantic, without making all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shardplan.spec.validation.listing import MOST_NAMED
from shardplan.spec.validation.wording import all_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

_GROWTH = 16


def first_errors(
    error: ValidationError,
    value: Any,
    model: type[BaseModel],
    revalidate: Callable[[Any], object],
) -> list[ErrorDetails]:
    """The errors; of very many some that come first.

    A million of them take a minute and gigabytes to write down. So the value is validated once
    more with all its lists and mappings cut short, and with longer ones until enough are found.
    """
    length, keys = MOST_NAMED, all_keys(model)
    while error.error_count() > _GROWTH * MOST_NAMED:
        shortened, is_whole = _shortened(value, length, keys)
        if is_whole:
            break
        try:
            revalidate(shortened)
        except ValidationError as fewer:
            if fewer.error_count() >= MOST_NAMED:
                error = fewer
                break
        length *= _GROWTH
    return error.errors(include_url=False)


def _shortened(value: Any, length: int, keys: frozenset[str]) -> tuple[Any, bool]:
    """The value with at most ``length`` entries in each list and mapping, and whether it is whole.

    A mapping keeps the keys that some model has.
    """
    if isinstance(value, list):
        parts = [_shortened(each, length, keys) for each in value[:length]]
        is_whole = len(value) <= length and all(whole for _, whole in parts)
        return [part for part, _ in parts], is_whole
    if isinstance(value, dict):
        kept = {
            key: _shortened(each, length, keys)
            for position, (key, each) in enumerate(value.items())
            if position < length or key in keys
        }
        is_whole = len(kept) == len(value) and all(whole for _, whole in kept.values())
        return {key: part for key, (part, _) in kept.items()}, is_whole
    return value, True
