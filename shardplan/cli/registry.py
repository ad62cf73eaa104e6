"""The commands by name; a command's module is imported only when the command is."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

import click

from shardplan.cli.exit_code import ExitCode
from shardplan.cli.failure import full_stdout_reported, printable_usage, reported
from shardplan.cli.output import tell

if TYPE_CHECKING:
    from typing import Any

SHORT_HELP = {
    "init": "Write a commented spec to start from.",
    "profile": "Take tables for a spec from the data that they are trained on.",
    "check": "Validate a spec and all that it names.",
    "solve": "Find the best plan for a spec.",
    "size": "Find which machine, how many nodes of it and at what price.",
    "explain": "Show what a plan costs, where and why.",
    "diff": "Show what changes when one plan follows another.",
    "compare": "Show plans side by side.",
    "simulate": "Simulate a plan for serving under load.",
    "verify": "Check that a plan is complete, legal, fits and is fresh.",
    "convert": "Hand a plan to other programs, or take one from TorchRec's planner.",
    "validate": "Hold predictions against published steps.",
    "calibrate": "Measure this machine and write a cost model for it.",
    "tune": "Run plans on your own job and keep the fastest.",
    "list": "List the topologies, cost models, frameworks and methods.",
    "schema": "Print the JSON Schema of a file, for editors and other programs.",
    "completion": "Print the script that completes commands in a shell.",
}
"""All that a command needs besides its module ``commands/NAME.py``, which holds ``NAME_command``.

Each is also the first sentence of the command's own help.
"""

_FOLDERS = {
    **dict.fromkeys(("profile", "validate", "calibrate", "tune"), "measuring"),
    "simulate": "serving",
}
"""Of commands whose module is in a folder below ``commands``, which."""

_OTHER_VERBS = {
    "plan": "solve", "shard": "solve", "optimize": "solve", "optimise": "solve", "run": "solve",
    "replan": "solve", "place": "solve", "new": "init", "create": "init", "template": "init",
    "lint": "check", "show": "explain", "stats": "explain", "why": "explain",
    "report": "explain", "topologies": "list", "topology": "list", "ls": "list",
    "cost-models": "list", "frameworks": "list", "methods": "list",
    "count": "profile", "data": "profile", "analyze": "profile", "drift": "profile",
    "measure": "calibrate", "benchmark": "calibrate",
    "capacity": "size", "cluster": "size", "front": "size", "pareto": "size",
    "simulation": "simulate", "load": "simulate", "latency": "simulate", "queue": "simulate",
    "autotune": "tune", "train": "tune", "try": "tune",
}  # fmt: skip
"""What others call a command; none that is a command itself."""

_OWN_OPTIONS = ("-v", "--verbose")
"""Options of the group, which stand before the command."""


class Commands(click.Group):
    """The group of all commands; turns what they raise into words and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of use."""
        return list(SHORT_HELP)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in SHORT_HELP:
            return None
        own = cmd_name.replace("-", "_")
        path = ".".join(filter(None, ("commands", _FOLDERS.get(cmd_name), own)))
        module = import_module(f"shardplan.cli.{path}")
        command: click.Command = getattr(module, f"{own}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SHORT_HELP.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line."""
        with full_stdout_reported():
            return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse what stands before the command."""
        try:
            with printable_usage():
                return super().make_context(*args, **extra)
        except KeyboardInterrupt:  # Of which click itself would make a failure.
            tell("interrupted")
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of a mistyped one say which was meant."""
        other = [
            verb for verb in _OTHER_VERBS.get(args[0].lower(), "").split() if verb in SHORT_HELP
        ]
        near = other or difflib.get_close_matches(args[0], SHORT_HELP, n=1)
        if near and args[0] not in SHORT_HELP and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}; did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with printable_usage(), reported(ctx):
            try:
                return super().invoke(ctx)
            except click.NoSuchOption as error:
                if error.option_name not in _OWN_OPTIONS:
                    raise
                hint = f"{error.option_name} goes before the command"
                raise click.UsageError(f"{error.format_message()} {hint}.", error.ctx) from None
