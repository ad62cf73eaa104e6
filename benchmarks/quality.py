"""Plans of all contenders on the same problems, in one run.

python benchmarks/quality.py --families dlrm,generated --time-limit 60s --format markdown
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from comparison import compare
from contenders import Limits, available_contenders
from instances import FAMILIES, Ruler, available_families, instances
from report import HEADER, as_json, as_markdown, as_summary, as_table, cells

from shardplan.units import parse_fraction, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comparison import Row
    from instances import Instance

_QUICK = Limits(time_limit_seconds=5.0, torchrec_seconds=5)


def comparisons(problems: list[Instance], names: list[str], limits: Limits) -> Iterator[Row]:
    """Every contender on every problem; shardplan comes first and proves the bound."""
    for instance in problems:
        bound = None
        for name in names:
            print(f"{instance.name} ({instance.ruler}): {name}", file=sys.stderr)
            row = compare(instance, name, limits)
            bound = row.lower_bound_seconds or bound
            yield replace(row, lower_bound_seconds=bound)


@click.command()
@click.option("--families", default=None, help=f"Some of {','.join(FAMILIES)}; default: all.")
@click.option("--ruler", "rulers", multiple=True, type=click.Choice(list(Ruler)), help="Or both.")
@click.option("--only", default="", help="Only problems whose name contains this.")
@click.option("--time-limit", default="60s", help="Of shardplan, for each problem.")
@click.option("--torchrec-time-limit", default="60s", help="Of TorchRec's planner.")
@click.option("--gap", default="0.1%", help="Where shardplan stops.")
@click.option("--quick", is_flag=True, help="The smallest problem of each family, 5 s each.")
@click.option(
    "--format", "form", default="table", type=click.Choice(["table", "json", "markdown", "summary"])
)
def main(
    families: str | None,
    rulers: tuple[str, ...],
    only: str,
    time_limit: str,
    torchrec_time_limit: str,
    gap: str,
    quick: bool,
    form: str,
) -> None:
    """Compare shardplan with TorchRec's planner (where installed) and published baselines."""
    limits = Limits(
        parse_fraction(gap), parse_seconds(time_limit), int(parse_seconds(torchrec_time_limit))
    )
    problems = []
    for family in families.split(",") if families else available_families():
        for ruler in rulers or tuple(Ruler):
            found = [i for i in instances(family, Ruler(ruler)) if only in i.name]
            problems += found[:1] if quick else found
    rows = list(comparisons(problems, available_contenders(), _QUICK if quick else limits))
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
