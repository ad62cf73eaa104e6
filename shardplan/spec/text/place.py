"""Where each value of a document stands in its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Path = tuple[str | int, ...]
"""The keys and positions that lead to a value of a document."""

_LONGEST_KEY = 40
_DEEPEST = 12
"""No file that is right goes deeper."""


class Place(NamedTuple):
    """Line and column of a value and of its key, from 1; the same for what it contains."""

    line: int
    column: int
    key_line: int
    key_column: int
    children: dict[str, Place] | list[Place] | Callable[[], dict[str, Place]] | None = None
    """Worked out when asked for, where there are very many that hardly anybody asks for."""

    def child(self, part: str | int) -> Place | None:
        """The place of one key or position; None where there is none."""
        children = self.children() if callable(self.children) else self.children
        if isinstance(children, dict) and isinstance(part, str):
            return children.get(part)
        if isinstance(children, list) and isinstance(part, int):
            return children[part] if 0 <= part < len(children) else None
        return None


NOWHERE = Place(0, 0, 0, 0)
"""The place of a value that no text was read for."""


def path_text(path: Path) -> str:
    """A path as people read it: ``tables[3].access.zipf``; of a very deep one its beginning."""
    if len(path) > _DEEPEST:
        return path_text(path[:3]) + "..."
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += "." * bool(text) + (part if _is_plain(part) else _quoted(part))
    return text


def _is_plain(key: str) -> bool:
    return len(key) <= _LONGEST_KEY and key.isidentifier()


def _quoted(key: str) -> str:
    return repr(key if len(key) <= _LONGEST_KEY else key[:_LONGEST_KEY] + "...")
