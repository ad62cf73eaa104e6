"""What more time gives: the gap as it falls, and plans of a short and of a ten times longer limit.

    python benchmarks/anytime.py --families drawn --seed 7 --time-limit 60s

takes the problems of ``quality.py``; ``-o`` adds what it finds to a JSON file.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from family_choice import HELP, chosen_families
from instances import instances
from problem_specs import Ruler
from report import as_markdown

from shardplan.errors import NoPlanFound
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.units import parse_fraction, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instances import Instance

    from shardplan.plan.file.plan import Plan

_TIMES = 10
"""As long as the short limit."""
_SHARES = (1 / 60, 1 / 30, 1 / 10, 1 / 3, 1.0)
"""Of the limit, at which the gap is told."""
_ROUNDING = 1e-9
HEADER = (
    "problem",
    "ruler",
    "limit s",
    *(f"after {share:.1%}" for share in _SHARES),
    "no worse",
    "closer",
)


@dataclass(frozen=True, slots=True)
class Curve:
    """Two solves of one problem, the second with ten times the limit of the first."""

    instance: Instance
    short: Plan | None
    """None where there was none in time."""
    long: Plan | None

    @property
    def is_no_worse(self) -> bool:
        """Whether the longer limit gave no worse a plan."""
        return _objective(self.long) <= _objective(self.short) * (1 + _ROUNDING)

    @property
    def is_closer(self) -> bool:
        """Whether it gave a smaller gap, or there was none to close."""
        ends = self.short.optimality.termination if self.short else ""
        return ends == "gap" or _gap(self.long) < _gap(self.short)

    def gap_after(self, seconds: float) -> float | None:
        """Of the longer solve so many seconds after it began; None without a plan or bound."""
        best, bound = None, None
        for point in self.long.run.history if self.long else ():
            if point.elapsed_seconds <= seconds:
                best, bound = point.best_seconds, point.bound_seconds
        return (best - bound) / bound if best and bound else None


def _objective(plan: Plan | None) -> float:
    return float("inf") if plan is None else plan.optimality.objective_seconds


def _gap(plan: Plan | None) -> float:
    gap = None if plan is None else plan.optimality.gap
    return float("inf") if gap is None else gap


def curve(instance: Instance, settings: Settings) -> Curve:
    """Solve it twice; the limit of the settings is the longer one."""
    case, longest = instance.case(), settings.time_limit_seconds

    def solved(seconds: float) -> Plan | None:
        limited = replace(settings, time_limit_seconds=seconds)
        try:
            return make_plan(case, limited, Reporter())
        except NoPlanFound:
            return None

    return Curve(instance, solved(longest / _TIMES), solved(longest))


@dataclass(frozen=True, slots=True)
class CurveRow:
    """What a curve shows, as it is kept."""

    family: str
    instance: str
    ruler: str
    limit_seconds: float
    gaps: tuple[float | None, ...]
    """After each share of the limit; None before there is a plan and a bound."""
    is_no_worse: bool
    is_closer: bool

    @classmethod
    def of(cls, found: Curve, limit_seconds: float) -> CurveRow:
        """Of a solve that had so long."""
        gaps = tuple(found.gap_after(share * limit_seconds) for share in _SHARES)
        problem = found.instance
        verdicts = found.is_no_worse, found.is_closer
        return cls(
            problem.family, problem.name, problem.ruler.value, limit_seconds, gaps, *verdicts
        )


def as_lines(rows: Sequence[CurveRow]) -> list[tuple[str, ...]]:
    """The rows as text, in the order of ``HEADER``."""
    return [
        (
            row.instance,
            row.ruler,
            f"{row.limit_seconds:g}",
            *("" if gap is None else f"{gap:.2%}" for gap in row.gaps),
            "yes" if row.is_no_worse else "no",
            "yes" if row.is_closer else "no",
        )
        for row in rows
    ]


def as_text(rows: Sequence[CurveRow]) -> str:
    """Markdown, and how often more time was no worse."""
    no_worse, closer = (
        sum(getattr(row, of) for row in rows) for of in ("is_no_worse", "is_closer")
    )
    return (
        f"{as_markdown(HEADER, as_lines(rows))}\n"
        f"{_TIMES} times the time: no worse a plan on {no_worse} of {len(rows)}, "
        f"a smaller gap or the one asked for on {closer}.\n"
    )


def read_curves(path: Path) -> list[CurveRow]:
    """The rows of a file that this benchmark wrote; none where there is no file."""
    if not path.exists():
        return []
    values = json.loads(path.read_text(encoding="utf-8"))
    return [CurveRow(**value | {"gaps": tuple(value["gaps"])}) for value in values]


def _keep(path: Path, row: CurveRow) -> None:
    """Add a row; one of the same problem gives way."""
    kept = [
        each
        for each in read_curves(path)
        if (each.instance, each.ruler) != (row.instance, row.ruler)
    ]
    text = json.dumps([asdict(each) for each in (*kept, row)], indent=1) + "\n"
    path.write_text(text, encoding="utf-8")


@click.command()
@click.option("--families", callback=chosen_families, help=HELP)
@click.option("--seed", default=0, help="Of the drawn families.")
@click.option(
    "--ruler", default="step_time", type=click.Choice([r.value for r in Ruler]), show_default=True
)
@click.option("--only", default="", help="Only problems whose name contains this.")
@click.option("--time-limit", default="60s", help="The longer one.", show_default=True)
@click.option("--gap", default="0.1%", help="Where shardplan stops.", show_default=True)
@click.option("--threads", default=1, help="Searches side by side.", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="JSON to add to.")
def main(
    families: list[str],
    seed: int,
    ruler: str,
    only: str,
    time_limit: str,
    gap: str,
    threads: int,
    output: Path | None,
) -> None:
    """Tell how gaps fall, and whether a longer limit is ever worse."""
    limit = parse_seconds(time_limit)
    settings = Settings(gap=parse_fraction(gap), time_limit_seconds=limit, threads=threads)
    rows = []
    for family in families:
        for problem in instances(family, Ruler(ruler), seed):
            if only not in problem.name:
                continue
            print(problem.name, file=sys.stderr)
            rows.append(CurveRow.of(curve(problem, settings), limit))
            if output:
                _keep(output, rows[-1])
    click.echo(as_text(rows), nl=False)


if __name__ == "__main__":
    main()
