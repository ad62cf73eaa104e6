"""Plans of all contenders on the same problems, in one run.

python benchmarks/quality.py --families dlrm,generated --time-limit 60s --format markdown
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click
from comparison import compare
from contenders import Limits, available_contenders
from instances import FAMILIES, Ruler, available_families, instances
from report import HEADER, as_json, as_markdown, as_summary, as_table, cells, merge_into

from shardplan.units import parse_fraction, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comparison import Row
    from instances import Instance

_QUICK = Limits(time_limit_seconds=2.0, torchrec_seconds=5)


def comparisons(instance: Instance, names: list[str], limits: Limits) -> Iterator[Row]:
    """Every contender on one problem; shardplan comes first and proves the bound."""
    bound = None
    for name in names:
        print(f"{instance.name} ({instance.ruler}): {name}", file=sys.stderr)
        row = compare(instance, name, limits)
        bound = row.lower_bound_seconds or bound
        yield replace(row, lower_bound_seconds=bound)


def _families(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    chosen = value.split(",") if value else available_families()
    if unknown := [name for name in chosen if name not in FAMILIES]:
        raise click.BadParameter(f"{', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    return chosen


@click.command()
@click.option("--families", callback=_families, help=f"Some of {','.join(FAMILIES)}; or all.")
@click.option(
    "--ruler", "rulers", multiple=True, type=click.Choice([r.value for r in Ruler]), help="Or both."
)
@click.option("--only", default="", help="Only problems whose name contains this.")
@click.option("--time-limit", default="60s", help="Of shardplan, for each problem.")
@click.option("--torchrec-time-limit", default="60s", help="Of TorchRec's planner.")
@click.option("--gap", default="0.1%", help="Where shardplan stops.")
@click.option("--quick", is_flag=True, help="The smallest problem of each family, 2 s each.")
@click.option(
    "--format", "form", default="table", type=click.Choice(["table", "json", "markdown", "summary"])
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="JSON to add the measurements to."
)
def main(
    families: list[str],
    rulers: tuple[str, ...],
    only: str,
    time_limit: str,
    torchrec_time_limit: str,
    gap: str,
    quick: bool,
    form: str,
    output: Path | None,
) -> None:
    """Compare shardplan with TorchRec's planner (where installed) and published baselines."""
    limits = Limits(
        parse_fraction(gap), parse_seconds(time_limit), int(parse_seconds(torchrec_time_limit))
    )
    problems = []
    for family, ruler in product(families, rulers or tuple(Ruler)):
        of = [problem for problem in instances(family, Ruler(ruler)) if only in problem.name]
        problems += of[:1] if quick else of
    if quick:
        limits = _QUICK
    rows: list[Row] = []
    for problem in problems:
        found = list(comparisons(problem, available_contenders(), limits))
        rows += found
        if output:
            merge_into(output, found)
    match form:
        case "json":
            click.echo(as_json(rows), nl=False)
        case "markdown":
            click.echo(as_markdown(HEADER, [cells(row) for row in rows]), nl=False)
        case "summary":
            click.echo(as_summary(rows), nl=False)
        case _:
            as_table(rows, sys.stdout)


if __name__ == "__main__":
    main()
