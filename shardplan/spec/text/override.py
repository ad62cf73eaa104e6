"""A value that is put in place of what a document says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.spec.text.document import Document
    from shardplan.spec.text.place import Path


@dataclass(frozen=True, slots=True)
class Override:
    """What ``training.pipeline=none`` of a command line says."""

    path: Path
    known: int
    """How many parts of the path the document had before."""
    columns: tuple[int, ...]
    """Where in the text each part of the path begins, from 1."""
    line: int
    """Which text of several it is, from 1."""
    said: Document
    """The value; places are those in the text."""

    def owns(self, path: Path) -> bool:
        """Whether a part of the document is of this text alone."""
        if path[: len(self.path)] == self.path:
            return True
        return len(path) > self.known and self.path[: len(path)] == path

    def at(self, path: Path, on_key: bool) -> tuple[int, int]:
        """Line and column of an owned part: of its value, or with ``on_key`` of its key."""
        depth = min(len(path), len(self.path))
        if depth < len(self.path) or (on_key and len(path) == depth):
            return self.line, self.columns[depth - 1]
        place = self.said.place_of(path[depth:])
        return (place.key_line, place.key_column) if on_key else place[:2]


def owner(overrides: tuple[Override, ...], path: Path) -> Override | None:
    """The last of several that owns a part of the document."""
    return next((each for each in reversed(overrides) if each.owns(path)), None)
