"""The commands by name; a command's module is imported only when the command is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from shardplan.cli.failure import reported

if TYPE_CHECKING:
    from typing import Any

SHORT_HELP = {
    "init": "Write a commented spec to start from.",
    "check": "Validate a spec and all that it names.",
    "solve": "Find the best plan for a spec.",
    "explain": "Show what a plan costs, where and why.",
    "verify": "Check that a plan is complete, legal, fits and is fresh.",
    "list": "List the topologies, cost models and methods.",
    "completion": "Print the script that completes commands in a shell.",
}
"""Each is also the first sentence of the command's own help."""


class Commands(click.Group):
    """The group of all commands; turns what they raise into words and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of use."""
        return list(SHORT_HELP)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in SHORT_HELP:
            return None
        module = import_module(f"shardplan.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SHORT_HELP.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with reported(ctx):
            return super().invoke(ctx)
