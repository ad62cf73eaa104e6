"""``shardplan completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from shardplan.cli.output import put
from shardplan.cli.sectioned import SectionedCommand

_PROGRAM = "shardplan"


@click.command("completion", cls=SectionedCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell.

    \b
    Examples:
      eval "$(shardplan completion bash)"
      shardplan completion fish > ~/.config/fish/completions/shardplan.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click knows the three shells"
    group = ctx.find_root().command
    put(kind(group, {}, _PROGRAM, f"_{_PROGRAM.upper()}_COMPLETE").source())
