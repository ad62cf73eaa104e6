"""Options that are written with a unit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from shardplan.whatif.near.amortisation import Amortisation

_SPANS = "for example 1d or '10000 steps'"


def duration(text: str) -> float:
    """Seconds of ``60s`` or ``5min``; wrong usage where it cannot be read."""
    return _parse(text, "parse_seconds", "for example 60s or 5min")


def budget(text: str) -> float:
    """A duration, in which ``5m`` is five minutes too."""
    return duration(f"{text}in" if text.strip().endswith("m") else text)


def span(text: str) -> Amortisation:
    """A span of training, ``1d`` or ``10000 steps``; wrong usage where it is neither."""
    from shardplan.whatif.near.amortisation import Amortisation

    counted = re.fullmatch(r"\s*(\d[\d_]*(?:\.\d+)?(?:e\d{1,2})?)\s*steps?\s*", text, re.ASCII)
    found = (
        Amortisation(steps=float(counted[1]))
        if counted
        else Amortisation(_parse(text, "parse_span", _SPANS))
    )
    if not (found.seconds if found.steps is None else found.steps):
        raise click.BadParameter(f"must be more than nothing; {_SPANS}")
    return found


def size(text: str) -> int:
    """Bytes of ``200GiB``, or 0; wrong usage where it cannot be read."""
    return int(_parse(f"{text}B" if text.strip() == "0" else text, "parse_bytes", "such as 200GiB"))


def percentage(text: str) -> float:
    """The fraction that ``1%`` is, or 0; wrong usage where it cannot be read."""
    return _parse(f"{text}%" if text.strip() == "0" else text, "parse_fraction", _meant(text))


def _meant(text: str) -> str:
    """A hint for a percentage that lacks its sign: 0.01 is meant as a fraction, 5 is not."""
    try:
        number = float(text)
    except ValueError:
        return "for example 1%"
    percent = 100 * number if number < 1 else number
    return f"did you mean {percent:g}%?" if 0 < percent <= 100 else "for example 1%"


def _parse(text: str, parser: str, hint: str) -> float:
    from shardplan import units

    try:
        return float(getattr(units, parser)(text))
    except units.UnitError as error:
        raise click.BadParameter(f"{error}; {hint}") from None
