"""Help like that of a manual: options in groups, and what the exit codes mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_MEANINGS = {
    0: "done",
    2: "wrong usage or invalid input",
    3: "no plan can exist, which is proven",
    4: "no plan found within the limits",
    70: "internal error",
    130: "interrupted with nothing to write",
    141: "the reader of the output went away",
}


class SectionedCommand(click.Command):
    """A command whose help lists options in groups, and then exit codes."""

    def __init__(
        self,
        *args: Any,
        groups: Mapping[str, Sequence[str]] | None = None,
        exit_codes: Mapping[int, str] | None = None,
        **extra: Any,
    ) -> None:
        """``groups``: title to parameters; ``exit_codes``: those beside 0, 2 and 70."""
        super().__init__(*args, **extra)
        self._groups = groups or {}
        codes = {code: _MEANINGS[code] for code in (0, 2, 70)} | dict(exit_codes or {})
        told = (f"{code} {meaning or _MEANINGS[code]}" for code, meaning in sorted(codes.items()))
        self.epilog = f"Exit codes: {'; '.join(told)}."

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and keep what was written for those who pass it on."""
        ctx.meta["shardplan.arguments"] = tuple(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group of options, and those of no group last."""
        records = {
            parameter.name: record
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option)
            and (record := parameter.get_help_record(ctx)) is not None
        }
        for title, names in self._groups.items():
            with formatter.section(title):
                formatter.write_dl([records.pop(name) for name in names])
        with formatter.section("Other options" if self._groups else "Options"):
            formatter.write_dl(list(records.values()))
