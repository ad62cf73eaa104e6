"""Options that are written with a unit."""

from __future__ import annotations

import click


def duration(text: str) -> float:
    """Seconds of ``60s`` or ``5min``; wrong usage where it cannot be read."""
    return _parse(text, "parse_seconds", "for example 60s or 5min")


def budget(text: str) -> float:
    """A duration, in which ``5m`` is five minutes too."""
    return duration(f"{text}in" if text.strip().endswith("m") else text)


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
