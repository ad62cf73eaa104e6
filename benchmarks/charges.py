"""What charges for sharding types cost a solve: its CPU time and its gap, beside those without.

    python benchmarks/charges.py --sizes 26x16,500x64 --shares 0.02,0.1

Every sharding type is charged a share of the least step that there is without charges, once. All
solves of a size are made in one run with the same effort, so that their ratios stand for
themselves whatever else the machine does.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
import numpy as np
from instances import generated_instance
from problem_specs import Ruler
from report import as_markdown, number

from shardplan.planning.formulate import formulate
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.charges import Charges
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.problem.problem import Problem

HEADER = ("problem", "a type costs", "types used", "gap", "x gap", "CPU s", "x CPU")
_GAP = 1e-3
"""Asked for; the solves end with their effort, or at this."""


@dataclass(frozen=True, slots=True)
class Point:
    """One solve."""

    size: str
    share: float
    """Of the least step without charges, what each sharding type is charged."""
    types: int
    """In use."""
    gap: float
    cpu_seconds: float


def charged(formulation: Formulation, share: float) -> Problem:
    """The problem with a charge for each sharding type, in a stage that the step waits for."""
    problem = formulation.problem
    kind = formulation.options.sharding[formulation.members[:, 0]]
    seconds = np.zeros((len(np.unique(kind)), problem.stage_count))
    waited_for = int(np.flatnonzero(problem.objective.is_critical)[0])
    seconds[:, waited_for] = share * relax(problem).lower_bound
    charges = Charges(kind[:, None] == np.unique(kind), seconds) if share else None
    return replace(problem, objective=replace(problem.objective, charges=charges))


def measure(size: str, shares: list[float], effort: float, seed: int) -> list[Point]:
    """Solve the generator's problem of a size such as ``26x16`` with each share."""
    tables, devices = (int(part) for part in size.split("x"))
    formulation = formulate(generated_instance(tables, devices, Ruler.STEP_TIME, seed).case())
    kind = formulation.options.sharding[formulation.members[:, 0]]
    points = []
    for share in shares:
        print(f"{size}, {share:.0%}", file=sys.stderr)
        started = time.process_time()
        settings = Settings(gap=_GAP, time_limit_seconds=1e6, effort=effort)
        outcome = solve(charged(formulation, share), settings)
        seconds = time.process_time() - started
        assert outcome.placement is not None
        types = len(np.unique(kind[outcome.placement.option]))
        points.append(Point(size, share, types, outcome.gap, seconds))
    return points


def as_lines(points: list[Point]) -> list[tuple[str, ...]]:
    """The points of one size as text, in the order of ``HEADER``; the first has no charges."""
    first = points[0]
    return [
        (
            point.size,
            f"{point.share:.0%} of the step",
            str(point.types),
            f"{point.gap:.2%}",
            number(point.gap / first.gap, 3),
            number(point.cpu_seconds, 3),
            number(point.cpu_seconds / first.cpu_seconds, 3),
        )
        for point in points
    ]


@click.command()
@click.option("--sizes", default="26x16,500x64", help="Tables x devices.")
@click.option("--shares", default="0.02,0.1", help="Charges, in shares of the step.")
@click.option("--effort", default=0.1, help="Of each solve, relative to the usual.")
@click.option("--seed", default=0, help="Of the generated tables.")
def main(sizes: str, shares: str, effort: float, seed: int) -> None:
    """Solve with and without charges; prints Markdown."""
    wanted = [0.0, *(float(share) for share in shares.split(","))]
    lines = []
    for size in sizes.split(","):
        lines += as_lines(measure(size, wanted, effort, seed))
    click.echo(as_markdown(HEADER, lines), nl=False)


if __name__ == "__main__":
    main()
