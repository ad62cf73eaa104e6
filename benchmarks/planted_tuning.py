"""Tuning on a job with a known answer.

Not a script: what ``planted.py`` and the tests run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planted_job import SimulatedJob, Simulator, planted

from shardplan import Settings, load
from shardplan.solve.search.moves import MOVES
from shardplan.solve.search.search_params import SearchParams
from shardplan.tune.candidates.solving import Solving
from shardplan.tune.folder.tune_folder import TuneFolder
from shardplan.tune.folder.tune_state import JobFacts
from shardplan.tune.ledger_of_runs import LedgerOfRuns
from shardplan.tune.tune_params import TuneParams
from shardplan.tune.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shardplan.plan.file.plan import Plan
    from shardplan.tune.job.job import Job
    from shardplan.tune.tuned import Tuned

NOISE, DRIFT = 0.02, 0.1
"""Of a run, and of the machine over some dozen runs, relative."""
EXACT = Settings(
    method="milp",
    gap=0.0005,
    search=SearchParams(tuple(move for move in MOVES if "program" in move.name)),
)
"""Problems this small are closed by the integer program at once."""


@dataclass(frozen=True)
class PlantedTuning:
    """What tuning found, in the simulator's seconds without noise."""

    simulator: Simulator
    tuned: Tuned
    steps: dict[str, float]
    """Of every plan that ran, by name."""
    best_seconds: float
    """Of the best plan that there is: all were tried by the simulator."""

    @property
    def ratio(self) -> float:
        """Of the plan found over the best that there is."""
        return self.steps[self.tuned.best] / self.best_seconds

    @property
    def ratio_of_others(self) -> float:
        """Of the best other plan that ran: published, given, or of some of the types."""
        others = [self.steps[each.name] for each in self.tuned.plans if each.round == 1]
        return min(others) / self.best_seconds

    @property
    def ratio_before(self) -> float:
        """Of the plan of the calibrated model."""
        return self.steps["shardplan"] / self.best_seconds


def tuning_of(
    simulator: Simulator,
    folder: TuneFolder,
    job: Job,
    params: TuneParams | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    given: Sequence[tuple[str, Plan]] = (),
) -> Tuning:
    """A tuning of the simulator's spec, begun or gone on with in a folder."""
    params = params or TuneParams()
    case = load(simulator.spec())
    facts = JobFacts(spec_sha256=case.spec.name, command=job.words)
    ledger = LedgerOfRuns(folder, facts, case, params.race)
    return Tuning(case, job, ledger, folder, Solving(EXACT), given, params, should_stop=should_stop)


def tune_planted(seed: int, path: Path, *, tells_phases: bool = True) -> PlantedTuning:
    """Tune on the job that is planted for a seed."""
    simulator = planted(seed)
    job = SimulatedJob(simulator, NOISE, DRIFT, seed, tells_phases)
    with TuneFolder(path).opened() as folder:
        tuned = tuning_of(simulator, folder, job).run()
    steps = {
        each.name: simulator.step_seconds(json.loads(folder.plan_path(each.name).read_text()))
        for each in tuned.plans
    }
    return PlantedTuning(simulator, tuned, steps, simulator.best()[0])
