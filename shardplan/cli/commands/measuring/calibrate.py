"""``shardplan calibrate``."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shardplan.cli import completions
from shardplan.cli.calibrated_steps import STOPPING
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put_file, tell
from shardplan.cli.quantity import duration
from shardplan.cli.sectioned import SectionedCommand
from shardplan.cli.show import say_lines
from shardplan.errors import ShardplanError
from shardplan.surroundings import cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.calibrate.measure.machine import Machine
    from shardplan.calibrate.measurements.measurement import Measurement


def _budget(text: str) -> float:
    """A duration, in which ``5m`` is five minutes too."""
    return duration(f"{text}in" if text.endswith("m") else text)


_FEWEST = 2
"""Processes: one alone has no collectives."""

_GROUPS = {
    "What to measure": ("engine", "optimizer", "device", "processes", "budget", "seed"),
    "Output": ("output", "name", "quiet"),
}


@click.command(
    "calibrate",
    cls=SectionedCommand,
    groups=_GROUPS,
    exit_codes={130: "interrupted: run again to go on"},
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    shell_complete=completions.files,
    help="The cost model; a .yaml file.",
)
@click.option("--name", metavar="NAME", help="Name of the cost model; by default the file's.")
@click.option(
    "--engine",
    type=click.Choice(["torchrec", "native"]),
    help="Train whole steps with this engine, and fit a framework profile to them too.",
)
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "adagrad", "rowwise_adagrad"]),
    default="sgd",
    show_default=True,
    help="Of the steps; with --engine.",
)
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
    type=click.IntRange(min=_FEWEST),
    default=_FEWEST,
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
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the plans that are trained; with --engine.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def calibrate_command(
    output: str,
    name: str | None,
    engine: str | None,
    optimizer: str,
    device: str,
    processes: int,
    budget: float,
    seed: int,
    quiet: bool,
) -> None:
    """Measure this machine and write a cost model for it.

    Looks up and updates tables, copies, and runs collectives, in separate processes and with
    PyTorch's operators; then fits the rates of a cost model, none of them negative. The file says
    how well it predicts what was measured, on which machine and with which libraries.

    Measurements go to a .csv file beside the cost model while they are made. Run again on the same
    machine with the same libraries, it continues where it was stopped; delete that file to start
    over. Needs PyTorch: pip install 'shardplan[calibrate]'.

    With --engine, small plans that tell most are trained by that engine on the CPU, and what
    kernels, collectives and the framework around them take inside a step is fitted to whole steps:
    a cost model, and beside it a framework profile that goes with it. Ctrl-C fits what is there.

    \b
    Examples:
      shardplan calibrate -o ours.yaml --budget 5min
      shardplan calibrate -o ours.yaml --engine native --budget 5m
    """
    if not output.endswith(".yaml"):
        raise click.BadParameter("must end in .yaml", param_hint="-o")
    if device != "cuda" and processes > max(cores(), _FEWEST):
        message = f"{processes} would share {cores()} cores, which no devices of a cluster do"
        raise click.BadParameter(message, param_hint="--processes")
    if importlib.util.find_spec("torch") is None:
        message = "calibrate measures with PyTorch: pip install 'shardplan[calibrate]'"
        raise ShardplanError(message)
    check_writable(output)
    if engine is not None:
        from shardplan.cli.calibrated_steps import StepRequest, calibrate_steps

        if device == "cuda":
            raise click.BadParameter("steps are calibrated on the CPU", param_hint="--device")
        request = StepRequest(
            Path(output), name or Path(output).stem, engine, optimizer, processes, budget, seed
        )
        calibrate_steps(request, quiet)
        return
    check_writable(str(Path(output).with_suffix(".csv")))
    with interruptible(STOPPING) as interrupt:
        from shardplan.calibrate.fit.cost_model_fit import fit_cost_model
        from shardplan.calibrate.measure.machine import Machine
        from shardplan.cli.reports.yaml_text import yaml_text

        machine, path = Machine.here(device), Path(output).with_suffix(".csv")
        measurements = _measure(path, machine, processes, budget, quiet, interrupt.is_requested)
        value = fit_cost_model(name or Path(output).stem, machine, processes, measurements)
        put_file(yaml_text(value), output)
    if not quiet:
        say_lines(_end(value["calibration"]["residuals"], output))


def _measure(
    path: Path,
    machine: Machine,
    processes: int,
    budget: float,
    quiet: bool,
    is_interrupted: Callable[[], bool],
) -> list[Measurement]:
    """Measure what the CSV file at ``path`` does not have yet, and add it there."""
    from shardplan.calibrate.measure.crew import Crew
    from shardplan.calibrate.measure.grid import CPU, GPU, digest, tasks
    from shardplan.calibrate.measure.session import run_tasks
    from shardplan.calibrate.measurements.growing_file import GrowingFile
    from shardplan.calibrate.measurements.measurements_file import as_csv, resume_measurements
    from shardplan.cli.reports.calibration_progress import calibration_progress

    chosen = tasks(processes, GPU if machine.on_gpu else CPU)
    origin = f"{machine}; {processes} processes; grid {digest(chosen)}"
    known, had_half_line = resume_measurements(path, origin) if path.exists() else ([], False)
    if had_half_line and not quiet:
        tell(f"{path}: the last line was written by half: measuring it again")
    if not known:
        put_file(as_csv([]), str(path))
    file = GrowingFile(path)

    def keep(found: Sequence[Measurement]) -> None:
        file.append(as_csv(found, False, origin))

    with calibration_progress(quiet) as report, Crew(processes, machine.on_gpu) as crew:
        return run_tasks(chosen, crew, budget, known, keep, report, is_interrupted=is_interrupted)


def _end(residuals: dict[str, dict[str, float]], output: str) -> Iterator[str]:
    """How well the cost model predicts, and what to do with it."""
    for subject, found in residuals.items():
        yield (
            f"{subject}: {found['measurements']} measured, MAPE {found['mean_error']:.1%}, "
            f"Spearman {found['rank_correlation']:.3f}"
        )
    path, measured = (shlex.quote(str(each)) for each in (output, Path(output).with_suffix(".csv")))
    named = output if "/" in output else f"./{output}"
    yield f"{output} written"
    yield f"next: shardplan check --cost-model {path} --against {measured}"
    yield f"  then write `cost_model: {named}` into a spec; shardplan solve plans by it"
