"""Text from anywhere, made safe to show on a terminal."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SUSPECT = re.compile(r"[^\x20-\x7e\n\t]")
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of Unicode that steer terminals, turn the direction of text, or cannot be seen."""


def printable(text: str) -> str:
    """The text with what a terminal would obey, or a reader not see, as ``\\x1b``, ``\\u202e``.

    Line feeds and tabs stay.
    """
    return _SUSPECT.sub(lambda found: _shown(found[0], _spelled), text)


def printable_line(text: str) -> str:
    """The same of a text that is to stay on one line: line feeds and tabs are spelled as well."""
    return printable(text).translate(_BREAKS)


def printable_json(text: str) -> str:
    """JSON with the same characters as ``\\u202e``, which mean the same to its readers."""
    if text.isascii() and "\x7f" not in text:  # JSON spells all other control characters itself.
        return text
    return _SUSPECT.sub(lambda found: _shown(found[0], _spelled_in_json), text)


_BREAKS = str.maketrans({"\n": "\\n", "\t": "\\t"})


def _shown(character: str, spell: Callable[[str], str]) -> str:
    return spell(character) if unicodedata.category(character) in _UNSAFE else character


def _spelled(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _spelled_in_json(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) != 0x7F else "\\u007f"
