"""Options that are written with a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


class Quantity(click.ParamType):
    """Reads a quantity with one of the parsers of ``shardplan.units``."""

    def __init__(self, name: str, parser: str, example: str) -> None:
        self.name = name
        self._parser = parser
        self._example = example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The quantity in SI units; wrong usage where it cannot be read."""
        from shardplan import units

        if isinstance(value, float):
            return value
        parse: Callable[[str], float] = getattr(units, self._parser)
        try:
            return parse(str(value))
        except units.UnitError as error:
            self.fail(f"{error}; for example {self._example}", param, ctx)


DURATION = Quantity("duration", "parse_seconds", "60s or 5min")
PERCENTAGE = Quantity("percentage", "parse_fraction", "1%")
