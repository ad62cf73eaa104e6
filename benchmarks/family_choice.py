"""Which families of problems a benchmark takes."""

from __future__ import annotations

import click
from drawn_families import DRAWN
from instances import FAMILIES, available_families
from known_families import KNOWN

GROUPS = {"known": tuple(KNOWN), "drawn": DRAWN}
HELP = f"Some of {','.join([*GROUPS, *FAMILIES])}; or all."


def chosen_families(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[str]:
    """A callback of click: names by commas; of a group, and of all, those whose data is there."""
    there = available_families()
    if not value:
        return there
    chosen: list[str] = []
    for name in value.split(","):
        chosen += [each for each in GROUPS[name] if each in there] if name in GROUPS else [name]
    if unknown := [name for name in chosen if name not in FAMILIES]:
        message = f"{', '.join(unknown)}; there are {', '.join([*GROUPS, *FAMILIES])}"
        raise click.BadParameter(message)
    return chosen
