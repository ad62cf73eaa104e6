"""Candidates that are told together."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Key = TypeVar("Key")


def runs(
    series: Sequence[int], key: Callable[[int], Key | None]
) -> Iterator[tuple[Key, list[int]]]:
    """Those that follow one another in a series with the same key; none without one."""
    for found, members in groupby(series, key):
        if found is not None:
            yield found, list(members)
