"""Which tables a constraint means."""

from __future__ import annotations

import re
from bisect import bisect_right
from fnmatch import translate
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from shardplan.errors import ShardplanError
from shardplan.spec.validation.listing import MOST_NAMED
from shardplan.spec.validation.wording import did_you_mean
from shardplan.workload.labels import labels, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_GLOB = frozenset("*?[")
_WILD = re.compile(r"[*?]|\[!?\]?[^]]*\]")
"""Parts of a glob that stand for other text than themselves."""


class TableNameError(ShardplanError):
    """A text that names no table, or more than one."""


class TableNames:
    """The names of all tables, each with its module's, to be matched with names and globs."""

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        self._keys = list(keys)
        self._named = _Names([name for _, name in self._keys])

    def __iter__(self) -> Iterator[str]:
        """What each is called: the name alone where no other table has it."""
        return iter(labels(self._keys))

    @property
    def compared(self) -> int:
        """How many names were compared with globs so far."""
        searched = [self._named, *([self._with_modules] if "_with_modules" in vars(self) else [])]
        return sum(names.compared for names in searched)

    def match(self, pattern: str) -> list[int]:
        """Positions of the tables that a name or a glob (``*``, ``?``, ``[a-z]``) means, rising.

        With a slash it may also stand for ``module/name``.
        """
        if exact := self.called(pattern):
            return exact
        if _GLOB.isdisjoint(pattern):
            return []
        found = self._named.match(pattern)
        if "/" in pattern:
            found = sorted({*found, *self._with_modules.match(pattern)})
        return found

    def called(self, text: str) -> list[int]:
        """Positions of the tables of a name, or of the one of a module and a name."""
        found = self._named.positions.get(text, [])
        return found or ("/" in text and self._with_modules.positions.get(text)) or []

    def namesakes(self, name: str) -> list[str]:
        """Where a name stands for tables of several modules: what to call each of them."""
        found = list(dict.fromkeys(qualified(*self._keys[at]) for at in self.called(name)))
        return found if len(found) > 1 else []

    def one(self, text: str) -> int:
        """Position of the only table that a text names; raises TableNameError."""
        found = self.called(text)
        if len(found) == 1:
            return found[0]
        if found:
            message = f"tables of {len(found)} modules are called {text!r}"
            raise TableNameError(f"{message}; write {', '.join(self.namesakes(text)[:MOST_NAMED])}")
        raise TableNameError(f"the plan has no table {text!r}; {did_you_mean(text, self)}")

    @cached_property
    def _with_modules(self) -> _Names:
        return _Names([qualified(*key) for key in self._keys])


class _Names:
    """Texts to be searched, not all different."""

    def __init__(self, names: list[str]) -> None:
        self.positions: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            self.positions.setdefault(name, []).append(index)
        self._names = names
        # One text of all names is searched for a part of a glob far faster than name by name.
        self._text = "\n".join(names)
        self._starts = list(accumulate((len(name) + 1 for name in names), initial=0))
        self.compared = 0

    def match(self, pattern: str) -> list[int]:
        candidates = self._with(max(_WILD.split(pattern), key=len))
        self.compared += len(candidates)
        matches = re.compile(translate(pattern)).match
        return [at for at in candidates if matches(self._names[at])]

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
