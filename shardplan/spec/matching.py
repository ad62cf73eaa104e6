"""Which tables a constraint means."""

from __future__ import annotations

import re
from bisect import bisect_right
from fnmatch import translate
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_GLOB = frozenset("*?[")
_WILD = re.compile(r"[*?]|\[!?\]?[^]]*\]")
"""Parts of a glob that stand for other text than themselves."""


class TableNames:
    """The names of all tables, to be matched with names and globs."""

    def __init__(self, names: Iterable[str]) -> None:
        self._positions = {name: index for index, name in enumerate(names)}
        self._names = list(self._positions)
        # One text of all names is searched for a part of a glob far faster than name by name.
        self._text = "\n".join(self._names)
        self._starts = list(accumulate((len(name) + 1 for name in self._names), initial=0))
        self.compared = 0
        """How many names were compared with globs so far."""

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def match(self, pattern: str) -> list[int]:
        """Positions of the tables that a name or a glob (``*``, ``?``, ``[a-z]``) means, rising."""
        if pattern in self._positions:
            return [self._positions[pattern]]
        if not _GLOB & set(pattern):
            return []
        candidates = self._with(max(_WILD.split(pattern), key=len))
        self.compared += len(candidates)
        matches = re.compile(translate(pattern)).match
        found = (name for name in map(self._names.__getitem__, candidates) if matches(name))
        return [self._positions[name] for name in found]

    def _with(self, part: str) -> Sequence[int]:
        """Of the names, in order, those that hold a text."""
        if not part:
            return range(len(self._names))
        found = []
        at = self._text.find(part)
        while at >= 0:
            index = bisect_right(self._starts, at) - 1
            found.append(index)
            at = self._text.find(part, self._starts[index + 1])
        return found
