"""``shardplan list``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.output import json_text, put, put_file, put_json
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import FORMATS, show_lines, show_report, width_option
from shardplan.solve.settings import METHODS

if TYPE_CHECKING:
    from shardplan.explain.report.report import Report
    from shardplan.spec.catalog.catalog import Kind

METHOD_HELP = {
    "auto": "search and integer program in turn, with a lower bound: the best plan wins",
    "search": "local search from several starts, with a lower bound",
    "milp": "an integer program: proves optimality where the problem is small",
    "greedy": "the quick placement that the others start from",
    "greedy-dim": "published baseline: table-wise, the widest tables first",
    "greedy-size": "published baseline: table-wise, the largest tables first",
    "greedy-lookup": "published baseline: table-wise, by lookups x dim",
    "greedy-size-lookup": "published baseline: table-wise, by lookups x dim x log10(rows)",
    "differencing": "published baseline: table-wise, by the largest differencing method",
}
"""What each of ``METHODS`` does."""

_WHAT = ("topologies", "cost-models", "frameworks", "methods")


@click.command("list", cls=SectionedCommand)
@click.argument("what", type=click.Choice(_WHAT))
@click.option(
    "--show",
    metavar="NAME",
    shell_complete=completions.of_the_list,
    help="Show one, by name or path, with its sources.",
)
@click.option("--nodes", metavar="N", type=click.IntRange(min=1), help="Scale a shown topology.")
@click.option(
    "--format",
    "form",
    type=click.Choice((*FORMATS, "yaml")),
    default="table",
    show_default=True,
    help="Format of the list; with --show, yaml is the file itself.",
)
@width_option
def list_command(
    what: str, show: str | None, nodes: int | None, form: str, width: int | None
) -> None:
    """List the topologies, cost models, frameworks and methods.

    --show prints every figure with how it is known and its source; of a topology also the link that
    limits each collective. With --format yaml it prints the file, to copy and change.

    \b
    Examples:
      shardplan list topologies --show aws-p4d --nodes 4
      shardplan list cost-models --show h100 --format yaml > ours.yaml
    """
    if form == "yaml" and (show is None or nodes is not None):
        raise click.UsageError("--format yaml goes with --show NAME, and without --nodes")
    if nodes is not None and (what != "topologies" or show is None):
        raise click.UsageError("--nodes goes with `list topologies --show NAME`")
    if what == "methods":
        if show is not None:
            raise click.UsageError("--show is for topologies, cost models and frameworks")
        _put_methods(form, width)
    else:
        _put_catalog(what, show, nodes, form, width)


def _put_methods(form: str, width: int | None) -> None:
    listed = [{"name": name, "description": METHOD_HELP[name]} for name in METHODS]
    if form == "json":
        put_json(listed)
    elif form != "table":
        put(show_report(_methods_report(), form))
    else:
        put(show_lines((f"{each['name']:20}{each['description']}" for each in listed), width))


def _methods_report() -> Report:
    from shardplan.explain.report.report import Column, Grid, Report, Section

    grid = Grid(
        (Column("method"), Column("what it does", is_prose=True)),
        tuple((name, METHOD_HELP[name]) for name in METHODS),
    )
    return Report("Methods", (Section("How to search", grid=grid),))


def _put_catalog(
    what: str, show: str | None, nodes: int | None, form: str, width: int | None
) -> None:
    from shardplan.spec.catalog.catalog import Kind

    kinds = {"topologies": Kind.TOPOLOGY, "cost-models": Kind.COST_MODEL}
    kind = kinds.get(what, Kind.FRAMEWORK)
    if form == "json":
        put(_as_json(kind, show))
    elif form == "yaml" and show is not None:
        put_file(_file(kind, show), "-")
    else:
        put(show_report(_report(kind, show, nodes), form, width))


def _report(kind: Kind, show: str | None, nodes: int | None) -> Report:
    from shardplan.cli.reports.catalog_report import (
        cost_model_report,
        cost_models_report,
        framework_report,
        frameworks_report,
        topologies_report,
        topology_report,
    )
    from shardplan.spec.catalog.catalog import Kind

    if kind is Kind.TOPOLOGY:
        return topologies_report() if show is None else topology_report(_known(kind, show), nodes)
    if kind is Kind.COST_MODEL:
        return cost_models_report() if show is None else cost_model_report(_known(kind, show))
    return frameworks_report() if show is None else framework_report(_known(kind, show))


def _as_json(kind: Kind, show: str | None) -> str:
    """The files as they are."""
    from shardplan.spec.catalog.catalog import names
    from shardplan.spec.catalog.source import named_source

    if show is None:
        value = [named_source(kind, name, Path()).value for name in names(kind)]
    else:
        value = named_source(kind, _known(kind, show), Path()).value
    return json_text(value)


def _file(kind: Kind, show: str) -> str:
    """The text of one, with its comments."""
    from shardplan.spec.catalog.catalog import find

    return find(kind, _known(kind, show), Path()).text


def _known(kind: Kind, name: str) -> str:
    """A name that the catalog has, or a path; anything else is wrong usage."""
    from shardplan.spec.catalog.catalog import names
    from shardplan.spec.validation.wording import did_you_mean

    if "/" in name or name.endswith(".yaml") or name in names(kind):
        return name
    hint = did_you_mean(name, names(kind))
    raise click.BadParameter(f"unknown {kind.noun} {name!r}; {hint}", param_hint="--show")
