"""Tuning on real training: twelve models, the clock decides, and the others' plans beside it.

    python benchmarks/tuned.py [--engine torchrec] [--budget 45] [--only NAME] [--json FILE]

``shardplan tune``'s own loop runs with processes that stand ready, one to a core, in place of a job
that starts anew for every run: eight steps make a run. TorchRec's own planner's plans are given to
it (``--against``). Afterwards the plan that it kept, and all that it tried in the first round, are
trained in turn, round after round. Needs torch and torchrec, and a machine on which nothing else
runs.

Each model goes into FILE as it is done. Run again, what FILE has under the same conditions
(machine, processes, seed and budget) is not measured again, but with ``--again``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from contenders import TORCHREC, Limits
from executed_models import case_of, drawn_models, models, plans, types_of
from executed_rows import TUNED, TYPES, Series, StepRow
from executor import ENGINES, calibrated
from report import as_markdown
from tuned_rows import TunedModel, put_tuned, read_tuned
from tuned_tables import tuned_lines, tuned_summary

from shardplan import Settings
from shardplan.calibrate.measure.machine import Machine
from shardplan.calibrate.steps.training.step_crew import StepCrew
from shardplan.errors import ShardplanError
from shardplan.plan.file.read import read_plan
from shardplan.solve.deadline import Deadline
from shardplan.tune.candidates.solving import Solving
from shardplan.tune.folder.tune_folder import TuneFolder
from shardplan.tune.folder.tune_state import JobFacts
from shardplan.tune.job.job import JobFailed
from shardplan.tune.ledger_of_runs import LedgerOfRuns
from shardplan.tune.tune_params import TuneParams
from shardplan.tune.tuned import Outcome
from shardplan.tune.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from executed_models import Model
    from executor import Calibration
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.tune.tuned import Tuned

_STEPS_OF_A_RUN = 8
_DIGITS = 7
"""Of measured seconds, as executor.py keeps them."""


class Trainer(Protocol):
    """Whoever trains plans in turn."""

    def train(self, plans: Sequence[Plan], rounds: int) -> Any:
        """(rounds, plans, 2, 4): seconds by the clock and on a core, of three parts and the step.

        Raises ShardplanError.
        """


@dataclass(frozen=True, slots=True)
class StandingJob:
    """Some steps by processes that stand ready."""

    crew: Trainer
    words: str = "processes that stand ready"

    def run(self, plan: Path, measured: Path, log: Path) -> None:
        """Write the median of the steps. Raises JobFailed."""
        try:
            seconds = np.array(self.crew.train([read_plan(plan)], _STEPS_OF_A_RUN))[:, 0, 0, -1]
        except ShardplanError as error:
            raise JobFailed(str(error)) from None
        measured.write_text(json.dumps({"step_seconds": float(np.median(seconds))}))
        log.write_text("")


@dataclass(frozen=True, eq=False, slots=True)
class Benchmark:
    """What is asked, and what stays the same from model to model."""

    words: argparse.Namespace
    calibration: Calibration
    machine: str

    def measured(self, model: Model, is_known: bool, crew: Trainer, folder: Path) -> TunedModel:
        """Tune within the budget, then train in turn. Raises ShardplanError."""
        words, of = self.words, self.calibration
        case = case_of(model, of.cost_model, words.processes, framework=of.framework)
        given = self._given(case)
        begun = time.monotonic()
        with TuneFolder(folder).opened() as opened:
            tuned, ledger = self._tuned(case, given, crew, opened)
            names = _trained(tuned)
            trained = [ledger.plan(name) for name in names]
            tuned_at = time.monotonic()
            seconds = np.array(crew.train(trained, words.rounds)).round(_DIGITS)
        return TunedModel(
            seed=words.seed,
            budget_seconds=words.budget,
            tuning_seconds=round(tuned_at - begun, 1),
            training_seconds=round(time.monotonic() - tuned_at, 1),
            rounds=tuned.rounds,
            runs=tuned.runs,
            plans=len(tuned.plans),
            end=tuned.end.value,
            is_certain=tuned.is_certain,
            rows=tuple(
                self._row(model.name, is_known, tuned, name, plan, of_plan)
                for name, plan, of_plan in zip(names, trained, seconds.swapaxes(0, 1), strict=True)
            ),
        )

    def is_there(self, model: Model, known: Sequence[TunedModel]) -> bool:
        """Whether a model was measured under the same conditions."""
        words = self.words
        conditions = (words.engine, model.name, self.machine, words.processes, words.seed,
                      words.budget)  # fmt: skip
        return any(each.conditions == conditions for each in known)

    def _given(self, case: Case) -> list[tuple[str, Plan]]:
        """TorchRec's planner's plans."""
        words, rates = self.words, self.calibration.torchrec_rates
        limits = Limits(time_limit_seconds=words.time_limit, torchrec_rates=rates)
        return list(plans(case, list(TORCHREC), limits))

    def _tuned(
        self, case: Case, given: Sequence[tuple[str, Plan]], crew: Trainer, folder: TuneFolder
    ) -> tuple[Tuned, LedgerOfRuns]:
        job, params = StandingJob(crew), TuneParams()
        facts = JobFacts(spec_sha256=case.spec.name, command=job.words)
        solving = Solving(Settings(time_limit_seconds=self.words.time_limit))
        ledger = LedgerOfRuns(folder, facts, case, params.race)
        budget = Deadline.after(self.words.budget)
        tuning = Tuning(case, job, ledger, folder, solving, given, params, budget)
        return tuning.run(), ledger

    def _row(
        self,
        model: str,
        is_known: bool,
        tuned: Tuned,
        name: str,
        plan: Plan,
        seconds: NDArray[np.float64],
    ) -> StepRow:
        """``seconds`` (rounds, 2, 4) of one plan."""
        (found,) = (each for each in tuned.plans if each.name == name)
        return StepRow(
            series=Series.TUNED,
            engine=self.words.engine,
            optimizer="sgd",
            is_known=is_known,
            model=model,
            contenders=contenders(found.name, found.also, name == tuned.best),
            machine=self.machine,
            processes=self.words.processes,
            predicted_seconds=found.predicted_seconds,
            sharding=types_of(plan),
            seconds=tuple(seconds[:, 0, -1].tolist()),
            core_seconds=tuple(seconds[:, 1, -1].tolist()),
            part_seconds=tuple(np.median(seconds[:, 0, :-1], axis=0).tolist()),
        )


def contenders(name: str, also: Sequence[str], is_best: bool) -> tuple[str, ...]:
    """All who made a plan: the loop's later rounds are nobody beside ``tuned``."""
    found = [TUNED] if is_best else []
    for each in (name, *also):
        if each.startswith("only-"):
            found.append(TYPES + each.removeprefix("only-"))
        elif not each.startswith("round-"):
            found.append(each)
    return tuple(found)


def _trained(tuned: Tuned) -> list[str]:
    """The names of the plans that are trained in turn."""
    ran = [each for each in tuned.plans if each.outcome is not Outcome.FAILED]
    return [each.name for each in ran if each.round == 1 or each.name == tuned.best]


def measure(
    benchmark: Benchmark, chosen: Sequence[tuple[bool, Model]], folder: Path
) -> Iterator[TunedModel | None]:
    """Model after model; None of one that cannot be trained, whose reason is told."""
    words, left = benchmark.words, list(enumerate(chosen))
    while left:
        with StepCrew(words.engine, words.processes) as crew:
            while left:
                number, (is_known, model) = left.pop(0)
                try:
                    found = benchmark.measured(model, is_known, crew, folder / f"{number}")
                except ShardplanError as error:
                    print(f"{model.name}: {error}", file=sys.stderr)
                    yield None
                    break  # The processes may be gone.
                seconds = found.tuning_seconds, found.training_seconds
                print(f"{model.name}: tuned in {seconds[0]:.0f} s, {len(found.rows)} plans trained "
                      f"in {seconds[1]:.0f} s", file=sys.stderr)  # fmt: skip
                yield found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0])
    parser.add_argument("--processes", type=int, default=2, help="no more than there are cores")
    parser.add_argument("--calibration", type=float, default=180, help="seconds to calibrate")
    parser.add_argument("--budget", type=float, default=45, help="seconds to tune each model")
    parser.add_argument("--time-limit", type=float, default=3, help="seconds for each plan")
    parser.add_argument("--rounds", type=int, default=31, help="after tuning, of all plans in turn")
    parser.add_argument("--seed", type=int, default=1, help="of the models that are drawn")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument(
        "--folder", type=Path, help="where calibrations stay; one that is there is used"
    )
    parser.add_argument("--json", type=Path, help="into this file too; its other models stay")
    parser.add_argument("--again", action="store_true", help="also what the file has")
    return parser.parse_args()


def main() -> None:
    """Calibrate, tune model after model, and print."""
    words = _arguments()
    cores = len(os.sched_getaffinity(0))
    if words.processes > cores:
        sys.exit(f"{words.processes} processes would share {cores} cores, as on no cluster")
    every = [(True, each) for each in models()] + [
        (False, each) for each in drawn_models(words.seed)
    ]
    found = read_tuned(words.json) if words.json else []
    with tempfile.TemporaryDirectory() as temporary:
        folder = words.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asked = argparse.Namespace(processes=words.processes, budget=words.calibration)
        of = calibrated(words.engine, asked, folder)
        benchmark = Benchmark(words, of, str(Machine.here("cpu")))
        chosen = [
            (is_known, model)
            for is_known, model in every
            if words.only in model.name and (words.again or not benchmark.is_there(model, found))
        ]
        missed = 0
        for each in measure(benchmark, chosen, Path(temporary)):
            if each is None:
                missed += 1
                continue
            found = [one for one in found if one.name != each.name] + [each]
            if words.json:
                put_tuned(words.json, each)
    for lines in (tuned_lines, tuned_summary):
        print(as_markdown(*lines(found)))
    if missed:
        sys.exit(f"{missed} of {len(chosen)} models were not tuned: see above")


if __name__ == "__main__":
    main()
