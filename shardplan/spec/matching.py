"""Which tables a constraint means."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GLOB = frozenset("*?[")


class TableNames:
    """The names of all tables, to be matched with names and globs."""

    def __init__(self, names: Iterable[str]) -> None:
        self._positions = {name: index for index, name in enumerate(names)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def match(self, pattern: str) -> list[int]:
        """Positions of the tables that a name or a glob (``*``, ``?``, ``[a-z]``) means, rising."""
        if pattern in self._positions:
            return [self._positions[pattern]]
        if not _GLOB & set(pattern):
            return []
        matches = re.compile(translate(pattern)).match
        return [index for name, index in self._positions.items() if matches(name)]
