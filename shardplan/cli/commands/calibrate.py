"""``shardplan calibrate``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardplan.cli.output import check_writable, put_file, tell
from shardplan.cli.quantity import duration
from shardplan.cli.sectioned import SectionedCommand
from shardplan.errors import ShardplanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measure.machine import Machine
    from shardplan.calibrate.measurements.measurement import Measurement


def _budget(text: str) -> float:
    """A duration, in which ``5m`` is five minutes too."""
    return duration(f"{text}in" if text.endswith("m") else text)


_GROUPS = {
    "What to measure": ("device", "processes", "budget"),
    "Output": ("output", "name", "quiet"),
}


@click.command(
    "calibrate",
    cls=SectionedCommand,
    groups=_GROUPS,
    exit_codes={130: "interrupted: run again to go on"},
)
@click.option("-o", "--output", metavar="FILE", required=True, help="The cost model; a .yaml file.")
@click.option("--name", metavar="NAME", help="Name of the cost model; by default the file's.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="What to measure; auto takes CUDA where there is one.",
)
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(min=2),
    default=2,
    show_default=True,
    help="Processes that measure together, on this machine.",
)
@click.option(
    "--budget",
    metavar="DURATION",
    type=_budget,
    default="5min",
    show_default=True,
    help="Measure for about this long.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def calibrate_command(
    output: str, name: str | None, device: str, processes: int, budget: float, quiet: bool
) -> None:
    """Measure this machine and write a cost model for it.

    Looks up and updates tables, copies, and runs collectives, in separate processes and with
    PyTorch's operators; then fits the rates of a cost model, none of them negative. The file says
    how well it predicts what was measured, on which machine and with which libraries.

    Measurements go to a .csv file beside the cost model while they are made. Run again on the same
    machine with the same libraries, it continues where it was stopped; delete that file to start
    over. Needs PyTorch: pip install 'shardplan[calibrate]'.

    \b
    Examples:
      shardplan calibrate -o ours.yaml --budget 5min
      shardplan check --cost-model ours.yaml --against ours.csv
    """
    if not output.endswith(".yaml"):
        raise click.BadParameter("must end in .yaml", param_hint="-o")
    if importlib.util.find_spec("torch") is None:
        message = "calibrate measures with PyTorch: pip install 'shardplan[calibrate]'"
        raise ShardplanError(message)
    check_writable(output)
    from shardplan.calibrate.fit.cost_model_fit import fit_cost_model
    from shardplan.calibrate.measure.machine import Machine
    from shardplan.cli.reports.yaml_text import yaml_text

    machine = Machine.here(device)
    measurements = _measure(Path(output).with_suffix(".csv"), machine, processes, budget, quiet)
    value = fit_cost_model(name or Path(output).stem, machine, processes, measurements)
    put_file(yaml_text(value), output)
    if not quiet:
        _say_how_well(value["calibration"]["residuals"])


def _measure(
    path: Path, machine: Machine, processes: int, budget: float, quiet: bool
) -> list[Measurement]:
    """Measure what the CSV file at ``path`` does not have yet, and add it there."""
    from shardplan.calibrate.measure.crew import Crew
    from shardplan.calibrate.measure.grid import CPU, GPU, digest, tasks
    from shardplan.calibrate.measure.session import run_tasks
    from shardplan.calibrate.measurements.measurements_file import as_csv, read_measurements
    from shardplan.cli.reports.calibration_progress import calibration_progress

    chosen = tasks(processes, GPU if machine.on_gpu else CPU)
    origin = f"{machine}; {processes} processes; grid {digest(chosen)}"
    known = read_measurements(str(path), origin) if path.exists() else []
    if not known:
        put_file(as_csv([]), str(path))

    def keep(found: Sequence[Measurement]) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(as_csv(found, False, origin))

    with calibration_progress(quiet) as report, Crew(processes, machine.on_gpu) as crew:
        return run_tasks(chosen, crew, budget, known, keep, report)


def _say_how_well(residuals: dict[str, dict[str, float]]) -> None:
    for subject, found in residuals.items():
        tell(
            f"{subject}: {found['measurements']} measured, MAPE {found['mean_error']:.1%}, "
            f"Spearman {found['rank_correlation']:.3f}"
        )
