"""``shardplan compare``."""

from __future__ import annotations

import click

from shardplan.cli import completions
from shardplan.cli.inputs import labelled
from shardplan.cli.output import put
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import FORMATS, show


@click.command("compare", cls=SectionedCommand)
@click.argument(
    "plans", nargs=-1, required=True, metavar="PLAN...", shell_complete=completions.files
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="table is text for a terminal, html a page.",
)
@click.option(
    "--width",
    metavar="COLUMNS",
    type=click.IntRange(min=20),
    help="Width of tables; by default the terminal's, as wide as need be in a pipe.",
)
def compare_command(plans: tuple[str, ...], form: str, width: int | None) -> None:
    """Show plans side by side.

    One line each: samples per second and step time, the global batch, the memory of the fullest
    rank, the longest phase, and the gap; then the keys in which their specs differ. - means stdin.

    \b
    Examples:
      shardplan compare old.json new.json
      shardplan compare old.json new.json --format markdown
    """
    from shardplan.explain.numbers.side_by_side import side_by_side
    from shardplan.explain.report.side_by_side_report import side_by_side_report

    if plans.count("-") > 1:
        raise click.UsageError("only one PLAN can be stdin")
    found = side_by_side([labelled(path) for path in plans])
    put(show(found, lambda: side_by_side_report(found), form, width))
