"""``shardplan validate``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.output import check_writable, put, put_file, tell
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import show, width_option
from shardplan.validation.device_class import DeviceClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.validation.compared_step import ComparedStep
    from shardplan.validation.published_step import PublishedStep

_GROUPS = {
    "Which steps": ("kind", "framework", "more"),
    "Output": ("form", "scatter", "width"),
}


@click.command("validate", cls=SectionedCommand, groups=_GROUPS)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in DeviceClass]),
    help="Those on one kind of devices alone.",
)
@click.option("--framework", metavar="NAME", help="Those of one framework alone.")
@click.option(
    "--steps",
    "more",
    metavar="FILE",
    multiple=True,
    shell_complete=completions.files,
    help="Add published steps of your own, written as in published/; may be repeated.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json", "markdown")),
    default="table",
    show_default=True,
    help="table is text for a terminal.",
)
@click.option(
    "--scatter",
    metavar="FILE",
    shell_complete=completions.files,
    help="Also draw predicted beside measured: a .svg picture or a .html page.",
)
@width_option
def validate_command(
    ids: tuple[str, ...],
    kind: str | None,
    framework: str | None,
    more: tuple[str, ...],
    form: str,
    scatter: str | None,
    width: int | None,
) -> None:
    """Hold predictions against published steps.

    Each step that others have measured and published is planned and predicted from its model,
    batch, machine and framework, and set beside what it took: error, what it is made of, and why it
    is off; then the accuracy by kind of devices and framework, and the time to train. Takes a
    minute or two, and finds the same in every run. ID is one of the steps, or a glob.

    \b
    Examples:
      shardplan validate dcnv2-h200x8
      shardplan validate 'tf2-dlrm-small-*' --format markdown
    """
    check_writable("-")
    if scatter is not None:
        if not scatter.endswith((".svg", ".html")):
            raise click.BadParameter("must end in .svg or .html", param_hint="--scatter")
        check_writable(scatter, more)
    from shardplan.cli.reports.validation_report import (
        validation_numbers,
        validation_report,
        validation_scatter,
    )
    from shardplan.validation.published_steps import published_steps
    from shardplan.validation.validation import Validation

    chosen = _chosen(published_steps(more), ids, kind, framework)
    found = Validation.of(chosen, _tell)
    if scatter is not None:
        put_file(validation_scatter(found, as_page=scatter.endswith(".html")), scatter)
    put(show(validation_numbers(found), lambda: validation_report(found), form, width))


def _chosen(
    steps: Sequence[PublishedStep], ids: Sequence[str], kind: str | None, framework: str | None
) -> list[PublishedStep]:
    """Those that are asked for; wrong usage where a word stands for none of them."""
    from shardplan.spec.validation.wording import did_you_mean

    for wanted in ids:
        if not any(fnmatchcase(step.id, wanted) for step in steps):
            hint = did_you_mean(wanted, [step.id for step in steps])
            message = f"no published step is called {wanted!r}; {hint}".rstrip("; ")
            raise click.BadParameter(message, param_hint="ID")
    frameworks = sorted({step.framework for step in steps})
    if framework is not None and framework not in frameworks:
        message = f"no published step is of {framework!r}; there are {', '.join(frameworks)}"
        raise click.BadParameter(message, param_hint="--framework")
    chosen = [
        step
        for step in steps
        if (not ids or any(fnmatchcase(step.id, wanted) for wanted in ids))
        and framework in (None, step.framework)
        and kind in (None, step.device_class.value)
    ]
    if not chosen:
        raise click.UsageError("no published step is all of that")
    return chosen


def _tell(step: ComparedStep) -> None:
    """A line on stderr: it takes a while."""
    from shardplan.units import format_seconds

    measured = format_seconds(step.published.measured.seconds)
    if step.predicted is None:
        tell(f"{step.published.id}: measured {measured}, not predicted")
    else:
        predicted = format_seconds(step.predicted.seconds)
        tell(f"{step.published.id}: measured {measured}, predicted {predicted}, {step.error:+.1%}")
