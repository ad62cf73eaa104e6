"""Plans of all contenders on the same problems, in one run.

    python benchmarks/quality.py --families dlrm,generated --time-limit 60s --format markdown
    python benchmarks/quality.py --families drawn --seed 7 --contenders shardplan

The families are known ones, which the search was made with, and ones drawn anew from a seed.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click
from comparison import compare
from contenders import CONTENDERS, Limits, available_contenders
from family_choice import HELP, chosen_families
from instances import instances
from problem_specs import Ruler
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


def _contenders(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    there = available_contenders()
    if unknown := [name for name in (value or "").split(",") if value and name not in CONTENDERS]:
        raise click.BadParameter(f"{', '.join(unknown)}; there are {', '.join(CONTENDERS)}")
    return [name for name in there if not value or name in value.split(",")]


@click.command()
@click.option("--families", callback=chosen_families, help=HELP)
@click.option("--seed", default=0, help="Of the drawn families.")
@click.option("--contenders", callback=_contenders, help="Some of them, shardplan first; or all.")
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
    seed: int,
    contenders: list[str],
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
        of = [problem for problem in instances(family, Ruler(ruler), seed) if only in problem.name]
        problems += of[:1] if quick else of
    if quick:
        limits = _QUICK
    rows: list[Row] = []
    for problem in problems:
        found = list(comparisons(problem, contenders, limits))
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
