"""Text that is made to fit: broken into lines, or shortened in the middle."""

from __future__ import annotations

import re

from rich.cells import cell_len

from shardplan.explain.report.report import with_units

ELLIPSIS = "…"
KEPT_SPACE = "\ue000"
"""A space at which no line is broken; of private use, so that no text has it by itself."""
_PIECES = re.compile(r"[^,_]*[,_]+|[^,_]+")
"""Where a word may be broken that is longer than a line: after its commas and underscores."""
_QUANTITY = re.compile(rf"(?:{KEPT_SPACE}[\d.]+{KEPT_SPACE}[a-zA-Z]+)?,?$")


def shortened(name: str, width: int) -> str:
    """A name in at most ``width`` columns: what it begins and ends with tells it from others."""
    if cell_len(name) <= width:
        return name
    tail = max(0, (width - 1) // 2)
    head = max(0, width - 1 - tail)
    return _first(name, head) + ELLIPSIS + (_first(name[::-1], tail)[::-1] if tail else "")


def shortened_item(item: str, width: int) -> str:
    """The same of one of a list, perhaps with a quantity and a comma behind it, which stay."""
    found = _QUANTITY.search(item)
    end = found[0] if found else ""
    return shortened(item.removesuffix(end), max(1, width - cell_len(end))) + end


def broken(text: str, width: int, indent: int = 0) -> list[str]:
    """Lines of at most ``width`` columns: broken at spaces; inside words only where it must be.

    All but the first leave room for ``indent`` more.
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        room = width - (indent if lines else 0)
        if line and cell_len(line) + 1 + cell_len(word) <= room:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, width - indent)
        lines += full
    return [*lines, line]


def hanging(line: str, width: int) -> list[str]:
    """A line with its indentation, and what does not fit indented by two more.

    Numbers keep their units.
    """
    text = with_units(line.lstrip(" "), KEPT_SPACE)
    indent = len(line) - len(line.lstrip(" "))
    first, *rest = broken(text, width - indent, 2)
    lines = [" " * indent + first, *(" " * (indent + 2) + each for each in rest)]
    return [each.replace(KEPT_SPACE, " ") for each in lines]


def longest_word(text: str) -> int:
    """Columns of the longest part that is not broken gladly."""
    return max((cell_len(word) for word in text.split(" ")), default=0)


def longest_piece(text: str) -> int:
    """The same where words may be broken after their commas and underscores."""
    words = text.split(" ")
    return max((cell_len(piece) for word in words for piece in _PIECES.findall(word)), default=0)


def _pieces(word: str, width: int) -> list[str]:
    """One word as lines that are as full as can be."""
    if cell_len(word) <= width:
        return [word]
    lines = [""]
    for piece in _PIECES.findall(word):
        rest = piece
        if cell_len(lines[-1]) + cell_len(rest) > width and lines[-1]:
            lines.append("")
        while cell_len(rest) > width:
            first = _first(rest, width) or rest[:1]
            lines[-1:] = [first, ""]
            rest = rest[len(first) :]
        lines[-1] += rest
    return [line for line in lines if line] or [""]


def _first(text: str, width: int) -> str:
    """As many characters as fit."""
    if text.isascii():
        return text[:width]
    end = 0
    while end < len(text) and cell_len(text[: end + 1]) <= width:
        end += 1
    return text[:end]
