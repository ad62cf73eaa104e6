"""CPU time and peak memory against tables and devices, up to a fixed gap.

    python benchmarks/scale.py -o docs/performance
    python benchmarks/scale.py --groups -o docs/performance

The first writes scale.json and scale.svg, the second, of devices in groups, groups.json; without
``-o`` they only print.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import grouped_devices
from growth_plot import growth_plot
from instances import Instance, generated_instance
from own_process import in_own_process
from problem_specs import Ruler
from report import as_markdown, number

from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.units import parse_seconds

GAPS = {Ruler.BALANCE: 0.003, Ruler.STEP_TIME: 0.03}
"""Where the solve stops."""
SERIES = {
    "growing clusters": "100x16,500x64,1000x128,2500x256,5000x512,10000x1024",
    "128 devices": "500x128,1000x128,2000x128,4000x128,8000x128",
}
HEADER = (
    "series",
    "tables x devices",
    "ruler",
    "gap asked",
    "gap",
    "CPU s",
    "peak MiB",
    "ended by",
)


@dataclass(frozen=True, slots=True)
class Point:
    """One solve, from the plain values of a spec to the finished plan."""

    series: str
    tables: int
    devices: int
    ruler: str
    gap_asked: float
    gap: float
    cpu_seconds: float
    peak_bytes: int
    termination: str


def measure(series: str, size: str, ruler: Ruler, seconds: float) -> Point:
    """Plan the generator's problem of a size such as ``1000x128``, in a process of its own."""
    tables, devices = (int(part) for part in size.split("x"))
    instance = generated_instance(tables, devices, ruler)
    returned = in_own_process(_plan, instance, GAPS[ruler], seconds)
    gap, cpu_seconds, termination = returned.value
    return Point(
        series,
        tables,
        devices,
        ruler.value,
        GAPS[ruler],
        gap,
        cpu_seconds,
        returned.peak_bytes,
        termination,
    )


def _plan(instance: Instance, gap: float, limit: float) -> tuple[float | None, float, str]:
    """Runs in the child."""
    settings = Settings(gap=gap, time_limit_seconds=limit)
    started = time.process_time()
    plan = make_plan(instance.case(), settings, Reporter())
    seconds = time.process_time() - started
    return plan.optimality.gap, seconds, plan.optimality.termination.value


def as_lines(points: list[Point]) -> list[tuple[str, ...]]:
    """The points as text, in the order of ``HEADER``."""
    return [
        (
            p.series,
            f"{p.tables:,} x {p.devices:,}",
            p.ruler,
            f"{p.gap_asked:.1%}",
            f"{p.gap:.2%}",
            number(p.cpu_seconds, 3),
            number(p.peak_bytes / 2**20, 0),
            p.termination,
        )
        for p in points
    ]


@click.command()
@click.option("--sizes", default=None, help="Sizes such as 100x16,500x64 instead of both series.")
@click.option("--time-limit", default="60s", help="Of each solve.")
@click.option("--groups", is_flag=True, help="Devices in groups: sizes such as 1024x4x20.")
@click.option("--tables", default=grouped_devices.TABLES, help="Of devices in groups.")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path))
def main(
    sizes: str | None, time_limit: str, groups: bool, tables: int, output: Path | None
) -> None:
    """Measure how shardplan's cost grows, or steps of devices in groups; prints Markdown."""
    if groups:
        _measure_groups(sizes, tables, parse_seconds(time_limit), output)
        return
    wanted = {"as asked": sizes} if sizes else SERIES
    points = []
    for series, of in wanted.items():
        for size in of.split(","):
            for ruler in Ruler:
                print(f"{size} ({ruler})", file=sys.stderr)
                points.append(measure(series, size, ruler, parse_seconds(time_limit)))
    click.echo(as_markdown(HEADER, as_lines(points)), nl=False)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        text = json.dumps([asdict(point) for point in points], indent=1) + "\n"
        (output / "scale.json").write_text(text, encoding="utf-8")
        (output / "scale.svg").write_text(growth_plot(points), encoding="utf-8")


def _measure_groups(sizes: str | None, tables: int, seconds: float, output: Path | None) -> None:
    wanted = {"as asked": sizes} if sizes else grouped_devices.SERIES
    points = []
    for series, of in wanted.items():
        for point in grouped_devices.measured(series, of, tables, seconds):
            print(f"{point.devices} devices in {point.groups}", file=sys.stderr)
            points.append(point)
    lines = grouped_devices.as_lines(points)
    click.echo(as_markdown(grouped_devices.HEADER, lines), nl=False)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        text = json.dumps([asdict(point) for point in points], indent=1) + "\n"
        (output / "groups.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
