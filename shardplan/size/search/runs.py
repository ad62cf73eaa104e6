"""Candidates that are told together."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence


def runs(
    series: Sequence[int], key: Callable[[int], Hashable | None]
) -> Iterator[tuple[Hashable, list[int]]]:
    """Those that follow one another in a series with the same key; none without one."""
    for found, members in groupby(series, key):
        if found is not None:
            yield found, list(members)
