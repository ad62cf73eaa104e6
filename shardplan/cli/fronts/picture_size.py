"""How large a picture is: one for wide pages and print, one for narrow screens."""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = 8
"""Of a page."""


@dataclass(frozen=True, slots=True)
class PictureSize:
    """In units of which a line of text takes 11."""

    width: float
    height: float
    style: str = ""
    """By which a page shows it or does not."""


WIDE = PictureSize(1000.0, 420.0, "wide")
NARROW = PictureSize(360.0, 380.0, "narrow")
ALONE = PictureSize(1000.0, 420.0)
"""Of a file of its own."""
