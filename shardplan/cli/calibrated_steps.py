"""``shardplan calibrate --engine``: whole steps, trained and fitted."""

from __future__ import annotations

import importlib.util
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from shardplan.cli.exit_code import ExitCode
from shardplan.cli.interrupt import interruptible
from shardplan.cli.output import check_writable, put_file
from shardplan.cli.reports.calibration_progress import calibration_progress
from shardplan.cli.show import say_lines
from shardplan.errors import ShardplanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from shardplan.calibrate.measure.machine import Machine
    from shardplan.calibrate.measurements.measurement import Measurement
    from shardplan.calibrate.steps.design.step_design import StepDesign
    from shardplan.calibrate.steps.fitted.measured_machine import MeasuredMachine
    from shardplan.calibrate.steps.training.step_time import StepTime

STOPPING = "stopping; the same command goes on from what was measured"
_WIRES_SHARE = 0.2
"""Of the budget, for collectives by themselves."""


@dataclass(frozen=True, slots=True)
class StepRequest:
    """What is to be calibrated, and where to."""

    output: Path
    name: str
    engine: str
    optimizer: str
    processes: int
    budget_seconds: float
    seed: int

    @property
    def framework(self) -> Path:
        """The framework profile, beside the cost model."""
        return self.output.with_name(f"{self.output.stem}-{self.engine}.yaml")

    @property
    def wires(self) -> Path:
        """Measured collectives."""
        return self.output.with_suffix(".wires.csv")

    @property
    def steps(self) -> Path:
        """Measured steps."""
        return self.output.with_suffix(".steps.csv")


def calibrate_steps(request: StepRequest, quiet: bool) -> None:
    """Measure and train within the budget, and write both files.

    Raises ShardplanError where the engine is not installed, a plan is refused, or too little was
    measured. Interrupted, it writes what is there, and exits with 130.
    """
    if request.engine == "torchrec" and importlib.util.find_spec("torchrec") is None:
        message = "--engine torchrec trains under TorchRec: pip install 'shardplan[torchrec]'"
        raise ShardplanError(message)
    for path in (request.framework, request.wires, request.steps):
        check_writable(str(path))
    started = time.monotonic()
    with interruptible(STOPPING) as interrupt:
        from shardplan.calibrate.measure.machine import Machine
        from shardplan.calibrate.steps.fitted.measured_machine import MeasuredMachine
        from shardplan.workload.optimizers.optimizer import OPTIMIZERS

        machine, optimizer = Machine.here("cpu"), OPTIMIZERS.named(request.optimizer)
        wires = _wires(request, machine, quiet, interrupt.is_requested)
    measured = MeasuredMachine(machine, request.processes, request.engine, optimizer, wires)
    with interruptible("fitting what is there") as interrupt:
        left = request.budget_seconds - (time.monotonic() - started)
        design, times = _trained(request, measured, left, quiet, interrupt.is_requested)
        said = _written(request, measured, design, times)
    if not quiet:
        say_lines(said)
    if interrupt.is_requested():
        click.get_current_context().exit(ExitCode.INTERRUPTED)


def _wires(
    request: StepRequest, machine: Machine, quiet: bool, is_interrupted: Callable[[], bool]
) -> list[Measurement]:
    """Collectives and transfers, those of the CSV file among them."""
    from shardplan.calibrate.measure.crew import Crew
    from shardplan.calibrate.measure.grid import ESSENTIAL_WIRES, digest, wire_tasks
    from shardplan.calibrate.measure.session import run_tasks
    from shardplan.calibrate.measurements.growing_file import GrowingFile
    from shardplan.calibrate.measurements.measurements_file import as_csv, resume_measurements

    chosen, path = wire_tasks(request.processes), request.wires
    origin = f"{machine}; {request.processes} processes; grid {digest(chosen)}"
    known = resume_measurements(path, origin)[0] if path.exists() else []
    if not known:
        put_file(as_csv([]), str(path))
    file = GrowingFile(path)
    budget = _WIRES_SHARE * request.budget_seconds

    def keep(found: Sequence[Measurement]) -> None:
        file.append(as_csv(found, False, origin))

    with calibration_progress(quiet) as report, Crew(request.processes, False) as crew:
        return run_tasks(
            chosen,
            crew,
            budget,
            known,
            keep,
            report,
            essential=ESSENTIAL_WIRES,
            is_interrupted=is_interrupted,
        )


def _trained(
    request: StepRequest,
    measured: MeasuredMachine,
    budget_seconds: float,
    quiet: bool,
    is_interrupted: Callable[[], bool],
) -> tuple[StepDesign, list[StepTime]]:
    """Steps of a design, those of the CSV file among them; the design is made meanwhile."""
    from shardplan.calibrate.measurements.growing_file import GrowingFile
    from shardplan.calibrate.steps.design.step_design import StepDesign
    from shardplan.calibrate.steps.training.step_crew import StepCrew
    from shardplan.calibrate.steps.training.step_session import (
        MOST_PASSES,
        StepSession,
        rounds_within,
    )
    from shardplan.calibrate.steps.training.steps_file import resume_steps, steps_csv

    started, path, ranks = time.monotonic(), request.steps, request.processes
    file = GrowingFile(path)
    with calibration_progress(quiet) as report, StepCrew(request.engine, ranks) as crew:
        design = StepDesign.within(request.budget_seconds, ranks, request.seed, measured.optimizer)
        origin = f"{measured.machine}; {ranks} processes; {request.engine}; design {design.digest}"
        known = resume_steps(path, origin) if path.exists() else []
        if not known:
            put_file(steps_csv([], origin, with_header=True), str(path))
        session = StepSession(
            budget_seconds - (time.monotonic() - started),
            rounds_within(request.budget_seconds),
            MOST_PASSES,
            keep=lambda found: file.append(steps_csv(found, origin)),
            report=report,
            is_interrupted=is_interrupted,
        )
        return design, session.run(design, crew, known)


def _written(
    request: StepRequest,
    measured: MeasuredMachine,
    design: StepDesign,
    times: Sequence[StepTime],
) -> list[str]:
    """Fit, write both files, and what to say of them."""
    from shardplan.calibrate.steps.fitted.step_calibration import StepCalibration
    from shardplan.calibrate.steps.fitted.step_files import (
        base_figures,
        cost_model_value,
        framework_value,
    )
    from shardplan.cli.reports.yaml_text import yaml_text

    found = StepCalibration.of(base_figures(measured), design, times)
    framework = framework_value(request.framework.stem, request.name, measured, found)
    put_file(yaml_text(cost_model_value(request.name, measured, found)), str(request.output))
    put_file(yaml_text(framework), str(request.framework))
    return [
        *_residual_lines(framework["calibration"]["residuals"]),
        f"{request.output} and {request.framework} written",
        *_next(request),
    ]


def _residual_lines(residuals: dict[str, dict[str, float]]) -> Iterator[str]:
    for subject, found in residuals.items():
        yield (
            f"{subject}: {found['measurements']} plans, MAPE {found['mean_error']:.1%}, "
            f"Spearman {found['rank_correlation']:.3f}"
        )


def _next(request: StepRequest) -> Iterator[str]:
    """What to do with both."""
    cost_model, framework = (_named(path) for path in (request.output, request.framework))
    yield "next: write both into a spec, whose plans run on this engine:"
    yield f"  cost_model: {cost_model}"
    yield f"  training: {{framework: {framework}}}"
    yield "then shardplan solve plans by them; more steps: the same command with a larger budget"


def _named(path: Path) -> str:
    text = str(path)
    return shlex.quote(text if "/" in text else f"./{text}")
