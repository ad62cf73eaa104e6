"""What ``tune`` is asked to do: its options, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from shardplan.tune.job.job_command import JobCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.case import Case
    from shardplan.solve.deadline import Deadline
    from shardplan.tune.tuned import Tuned

_WARM_UP_STEPS = 5


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """The parameters of the command, by their names there."""

    spec: str
    topology: str | None
    nodes: int | None
    settings: tuple[str, ...]
    command: str | None
    engine: str
    steps: int
    timeout: float
    given: tuple[str, ...]
    budget: float
    rounds: int
    patience: int
    time_limit: float
    seed: int
    output: str
    quiet: bool

    def job(self, case: Case, should_stop: Callable[[], bool], budget: Deadline) -> JobCommand:
        """What runs a plan; wrong usage where a command lacks a place for a file, or is not there.

        Raises ShardplanError where none is given, and the executor cannot train here.
        """
        if self.command is None:
            from shardplan.tune.job.own_training import own_training

            template = own_training(
                case.topology.world,
                case.workload.training,
                self.engine,
                self.steps,
                _WARM_UP_STEPS,
            )
            return JobCommand(template, self.timeout, should_stop, budget)
        try:
            found = JobCommand.parse(self.command, self.timeout, should_stop, budget)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--run") from None
        if found.missing:
            raise click.BadParameter(f"there is no program {found.missing}", param_hint="--run")
        return found

    def written(self, found: Tuned) -> Iterator[str]:
        """What lies in the folder now, and what to do with it."""
        yield f"{self.output}/best.json written: {found.best}"
        if found.corrected is not None:
            path = f"{self.output}/cost_model.yaml"
            named = path if path.startswith(("/", ".")) else f"./{path}"
            yield f"{path} written; next: write `cost_model: {named}` into a spec"
