"""The options of a command as they were written, for another run of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def given_options(ctx: click.Context, but: Collection[str]) -> list[str]:
    """Words that give the same options again, without those whose parameters ``but`` names."""
    written: Sequence[str] = ctx.meta["shardplan.arguments"]
    given, _, _ = ctx.command.make_parser(ctx).parse_args(list(written))
    found = []
    for parameter in ctx.command.get_params(ctx):
        name = parameter.name or ""
        if not isinstance(parameter, click.Option) or name not in given or name in but:
            continue
        if parameter.is_flag:
            found.append(parameter.opts[-1])
            continue
        values = given[name] if parameter.multiple else [given[name]]
        found += [f"{parameter.opts[-1]}={value}" for value in values]
    return found
