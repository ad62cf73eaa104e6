"""Load of each device by phase, and what it holds, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.render.html.chart import HEADROOM, LEFT, Frame
from shardplan.explain.render.html.svg import WIDTH, line, picture, rectangles, text_of
from shardplan.explain.words import words
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.explain.numbers.explanation import Explanation, TierUse

_COLOURS = 8
_LITTLE_HEADROOM = 1.02
_MEMORY_HEIGHT = 160.0


def load_picture(found: Explanation) -> str:
    """A bar per device, a colour per phase; hidden phases are left out."""
    shown = [n for n, phase in enumerate(found.phases) if not phase.is_hidden and phase.seconds]
    busiest = max((device.busy_seconds for device in found.devices), default=0.0)
    frame = Frame(busiest * _LITTLE_HEADROOM)
    bottoms = [0.0] * len(found.devices)
    parts = [*frame.amounts(words.seconds), *frame.places(len(found.devices), "rank")]
    columns = list(frame.columns(len(found.devices)))
    for number in shown:
        boxes = []
        for position, (device, (left, width)) in enumerate(
            zip(found.devices, columns, strict=True)
        ):
            seconds = device.phase_seconds[number]
            top = frame.y(bottoms[position] + seconds)
            boxes.append((left, top, width, frame.y(bottoms[position]) - top))
            bottoms[position] += seconds
        parts.append(rectangles(boxes, f"f{number % _COLOURS}"))
    key = "".join(
        f'<span><b class="b{n % _COLOURS}"></b>{text_of(found.phases[n].name)}</span>'
        for n in shown
    )
    drawn = picture(frame.height, parts, "seconds of each device by phase")
    return f'<div class="key">{key}</div>\n{drawn}'


def memory_pictures(found: Explanation) -> Iterator[tuple[str, str]]:
    """(title, picture) of each tier in use: what is held, and the limit."""
    yield "HBM of each device", _memory([device.hbm for device in found.devices], "rank")
    for tier in ("ddr", "ssd"):
        uses = [getattr(node, tier) for node in found.nodes]
        if any(use.used_bytes for use in uses):
            yield f"{tier.upper()} of each node", _memory(uses, "node")


def _memory(uses: Sequence[TierUse], noun: str) -> str:
    limit = max(use.usable_bytes for use in uses)
    most = max(limit, *(use.used_bytes for use in uses))
    frame = Frame(most * HEADROOM, height=_MEMORY_HEIGHT, unit=_unit(most))
    boxes: dict[str, list[tuple[float, float, float, float]]] = {"used": [], "over": []}
    for use, (left, width) in zip(uses, frame.columns(len(uses)), strict=True):
        style = "over" if use.used_bytes > use.usable_bytes else "used"
        top = frame.y(use.used_bytes)
        boxes[style].append((left, top, width, frame.floor - top))
    y = frame.y(limit)
    parts = [
        *frame.amounts(format_bytes),
        *frame.places(len(uses), noun),
        *(rectangles(each, style) for style, each in boxes.items()),
        line(((LEFT, y), (WIDTH, y)), "limit"),
    ]
    return picture(frame.height, parts, f"bytes held by each {noun}, with the limit")


def _unit(size: float) -> float:
    """The largest power of 1024 bytes that is not above a size."""
    power = 0
    while size >= 1024.0 ** (power + 1):
        power += 1
    return float(1024.0**power)
