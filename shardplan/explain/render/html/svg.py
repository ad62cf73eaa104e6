"""Pieces of SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from shardplan.explain.render.html.style import style_text
from shardplan.printable import printable_line

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH = 1000.0
"""Of every picture; the page scales it."""

BELOW_MIDDLE = 4.0
"""How far below the middle of something the foot of its label stands."""

Rectangle = tuple[float, float, float, float]
"""Left, top, width, height."""


def picture(
    height: float, parts: Iterable[str], label: str, width: float = WIDTH, style: str = ""
) -> str:
    """A picture of ``width`` by ``height``; ``label`` is what is read out instead of it."""
    inner = "\n".join(part for part in parts if part)
    named = f' class="{style}"' if style else ""
    return (
        f'<svg{named} viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{text_of(label)}">\n{inner}\n</svg>'
    )


def alone(drawn: str) -> str:
    """A picture as a file of its own, in the colours of the reader's light or dark."""
    head, _, inner = drawn.partition(">")
    style = escape(style_text(), quote=False)
    paper = '<rect class="ground" width="100%" height="100%"/>'
    return f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>\n{style}</style>\n{paper}{inner}\n'


def circle(x: float, y: float, radius: float, style: str) -> str:
    """A disc, or a ring, as the style has it."""
    place = f'cx="{_short(x)}" cy="{_short(y)}" r="{_short(radius)}"'
    return f'<circle class="{style}" {place}/>'


def rectangles(boxes: Iterable[Rectangle], style: str) -> str:
    """Many rectangles as one path, which takes a fraction of the bytes."""
    path = "".join(
        f"M{_short(left)} {_short(top)}h{_short(width)}v{_short(height)}h-{_short(width)}z"
        for left, top, width, height in boxes
        if width > 0 and height > 0
    )
    return f'<path class="{style}" d="{path}"/>' if path else ""


def line(points: Iterable[tuple[float, float]], style: str) -> str:
    """A line through points."""
    joined = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
    return f'<polyline class="{style}" points="{joined}"/>'


def label(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    """Text at a point."""
    named = f' class="{style}"' if style else ""
    place = f'x="{_short(x)}" y="{_short(y)}" text-anchor="{anchor}"'
    return f"<text {place}{named}>{text_of(text)}</text>"


def text_of(text: str) -> str:
    """Text as HTML shows it."""
    return escape(printable_line(text))


def _short(value: float) -> str:
    """A coordinate to a hundredth."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
