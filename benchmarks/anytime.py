"""What more time gives: the gap as it falls, and plans of a short and of a ten times longer limit.

python benchmarks/anytime.py --time-limit 60s --seed 7

With ``--seed`` problems are drawn anew; without it they are those of ``quality.py``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import click
from instances import Ruler, available_families, generated_instance, instances
from report import as_markdown

from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.units import parse_fraction, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from instances import Instance

    from shardplan.plan.file.plan import Plan

_TIMES = 10
"""As long as the short limit."""
_SHARES = (1 / 60, 1 / 30, 1 / 10, 1 / 3, 1.0)
"""Of the limit, at which the gap is told."""
_ROUNDING = 1e-9
DRAWN = tuple(product((26, 100, 300, 1000), (8, 32, 128)))
"""Tables and devices of problems drawn anew."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Two solves of one problem, the second with ten times the limit of the first."""

    instance: Instance
    short: Plan
    long: Plan

    @property
    def is_no_worse(self) -> bool:
        """Whether the longer limit gave no worse a plan."""
        least = self.short.optimality.objective_seconds * (1 + _ROUNDING)
        return self.long.optimality.objective_seconds <= least

    @property
    def is_closer(self) -> bool:
        """Whether it gave a smaller gap, or there was none to close."""
        ends = self.short.optimality.termination
        return ends == "gap" or (self.long_gap or 0.0) < (self.short.optimality.gap or 0.0)

    @property
    def long_gap(self) -> float | None:
        return self.long.optimality.gap

    def gap_after(self, seconds: float) -> float | None:
        """Of the longer solve so many seconds after it began; None without a plan or bound."""
        best, bound = None, None
        for point in self.long.run.history:
            if point.elapsed_seconds <= seconds:
                best, bound = point.best_seconds, point.bound_seconds
        return (best - bound) / bound if best and bound else None


def curve(instance: Instance, settings: Settings) -> Curve:
    """Solve it twice; the limit of the settings is the longer one."""
    case, longest = instance.case(), settings.time_limit_seconds
    short, long = (
        make_plan(case, replace(settings, time_limit_seconds=seconds), Reporter())
        for seconds in (longest / _TIMES, longest)
    )
    return Curve(instance, short, long)


def problems(families: list[str], ruler: Ruler, seed: int | None) -> Iterator[Instance]:
    """Those of the families, or drawn anew from a seed."""
    if seed is None:
        for family in families:
            yield from instances(family, ruler)
    else:
        for tables, devices in DRAWN:
            yield generated_instance(tables, devices, ruler, seed)


def _line(of: Curve, limit_seconds: float) -> list[str]:
    gaps = [of.gap_after(share * limit_seconds) for share in _SHARES]
    return [
        of.instance.family,
        of.instance.name,
        *("" if gap is None else f"{100 * gap:.2f}%" for gap in gaps),
        "yes" if of.is_no_worse else "no",
        "yes" if of.is_closer else "no",
    ]


@click.command()
@click.option("--families", default="", help="Some of those of quality.py, by commas; or all.")
@click.option(
    "--ruler", default="step_time", type=click.Choice([r.value for r in Ruler]), show_default=True
)
@click.option("--only", default="", help="Only problems whose name contains this.")
@click.option("--time-limit", default="60s", help="The longer one.", show_default=True)
@click.option("--gap", default="0.1%", help="Where shardplan stops.", show_default=True)
@click.option("--threads", default=1, help="Searches side by side.", show_default=True)
@click.option("--seed", type=int, help="Draw problems anew from this seed.")
def main(
    families: str,
    ruler: str,
    only: str,
    time_limit: str,
    gap: str,
    threads: int,
    seed: int | None,
) -> None:
    """Tell how gaps fall, and whether a longer limit is ever worse."""
    limit = parse_seconds(time_limit)
    settings = Settings(gap=parse_fraction(gap), time_limit_seconds=limit, threads=threads)
    chosen = families.split(",") if families else available_families()
    curves = []
    for problem in problems(chosen, Ruler(ruler), seed):
        if only in problem.name:
            print(problem.name, file=sys.stderr)
            curves.append(curve(problem, settings))
    header = ("family", "problem", *(f"after {share * limit:.3g} s" for share in _SHARES))
    verdicts = ("no worse", "closer")
    lines = [_line(each, limit) for each in curves]
    click.echo(as_markdown((*header, *verdicts), lines), nl=False)
    no_worse, closer = (sum(getattr(c, of) for c in curves) for of in ("is_no_worse", "is_closer"))
    click.echo(
        f"\n{_TIMES} times the time: no worse a plan on {no_worse} of {len(curves)}, "
        f"a smaller gap or the one asked for on {closer}."
    )


if __name__ == "__main__":
    main()
