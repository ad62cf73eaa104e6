"""Options that are written with a unit."""

from __future__ import annotations

import click


def duration(text: str | float) -> float:
    """Seconds of ``60s`` or ``5min``; wrong usage where it cannot be read."""
    return _parse(text, "parse_seconds", "60s or 5min")


def percentage(text: str | float) -> float:
    """The fraction that ``1%`` is; wrong usage where it cannot be read."""
    return _parse(text, "parse_fraction", "1%")


def _parse(text: str | float, parser: str, example: str) -> float:
    from shardplan import units

    if isinstance(text, float):  # A default, which is in SI units.
        return text
    try:
        return float(getattr(units, parser)(text))
    except units.UnitError as error:
        raise click.BadParameter(f"{error}; for example {example}") from None
