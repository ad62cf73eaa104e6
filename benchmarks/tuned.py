"""Tuning on real training: twelve models, the clock decides, and the others' plans beside it.

    python benchmarks/tuned.py [--engine torchrec] [--budget 45] [--only NAME]

``shardplan tune``'s own loop runs with processes that stand ready, one to a core, in place of a job
that starts anew for every run: eight steps make a run. TorchRec's own planner's plans are given to
it (``--against``). Afterwards the plan that it kept, and all that it tried in the first round, are
trained in turn, round after round. Needs torch and torchrec, and a machine on which nothing else
runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from contenders import Limits
from executed_models import case_of, drawn_models, models, plans
from executor import ENGINES, calibrated
from report import as_markdown

from shardplan import Settings
from shardplan.calibrate.steps.training.step_crew import StepCrew
from shardplan.plan.file.read import read_plan
from shardplan.solve.deadline import Deadline
from shardplan.tune.candidates.solving import Solving
from shardplan.tune.folder.tune_folder import TuneFolder
from shardplan.tune.folder.tune_state import JobFacts
from shardplan.tune.ledger_of_runs import LedgerOfRuns
from shardplan.tune.tune_params import TuneParams
from shardplan.tune.tuned import Outcome
from shardplan.tune.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from executor import Calibration

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.tune.tuned import Tuned

_THEIRS = ("torchrec", "torchrec-perf")
_STEPS_OF_A_RUN = 8
HEADER = (
    "model", "rounds", "runs", "plans", "kept", "was shardplan's ms", "kept ms",
    "best other", "ms", "best other / kept", "quartiles",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StandingJob:
    """Some steps by processes that stand ready."""

    crew: StepCrew
    words: str = "processes that stand ready"

    def run(self, plan: Path, measured: Path, log: Path) -> None:
        """Write the median of the steps."""
        seconds = np.array(self.crew.train([read_plan(plan)], _STEPS_OF_A_RUN))[:, 0, 0, -1]
        measured.write_text(json.dumps({"step_seconds": float(np.median(seconds))}))
        log.write_text("")


@dataclass(frozen=True, slots=True)
class Trained:
    """Plans of one tuning trained in turn."""

    tuned: Tuned
    seconds: dict[str, tuple[float, ...]]
    """Of every plan of the first round and the one that was kept, by name, round by round."""

    def cells(self, model: str) -> tuple[str, ...]:
        """A line of the table."""
        kept = np.array(self.seconds[self.tuned.best])
        others = {name: np.array(each) for name, each in self.seconds.items()}
        best = min(
            (name for name in others if name != self.tuned.best),
            key=lambda name: float(np.median(others[name] / kept)),
        )
        low, middle, high = np.quantile(others[best] / kept, (0.25, 0.5, 0.75))
        own = self.seconds.get("shardplan", self.seconds[self.tuned.best])
        return (
            model,
            str(self.tuned.rounds),
            str(self.tuned.runs),
            str(len(self.tuned.plans)),
            self.tuned.best,
            f"{np.median(own) * 1e3:.1f}",
            f"{np.median(kept) * 1e3:.1f}",
            best,
            f"{np.median(others[best]) * 1e3:.1f}",
            f"{middle:.3f}",
            f"{low:.2f} to {high:.2f}",
        )


def tune(case: Case, given: Sequence[tuple[str, Plan]], crew: StepCrew, path: Path,
         words: argparse.Namespace) -> Trained:  # fmt: skip
    """Tune within the budget, then train in turn."""
    job, params = StandingJob(crew), TuneParams()
    facts = JobFacts(spec_sha256=case.spec.name, command=job.words)
    solving = Solving(Settings(time_limit_seconds=words.time_limit))
    with TuneFolder(path).opened() as folder:
        ledger = LedgerOfRuns(folder, facts, case, params.race)
        budget = Deadline.after(words.budget)
        tuned = Tuning(case, job, ledger, folder, solving, given, params, budget).run()
        ran = [each for each in tuned.plans if each.outcome not in (Outcome.FAILED,)]
        names = [each.name for each in ran if each.round == 1 or each.name == tuned.best]
        seconds = np.array(crew.train([ledger.plan(name) for name in names], words.rounds))
    by_name = zip(names, seconds[:, :, 0, -1].T.tolist(), strict=True)
    return Trained(tuned, {name: tuple(of) for name, of in by_name})


def _given(case: Case, of: Calibration, words: argparse.Namespace) -> list[tuple[str, Plan]]:
    limits = Limits(time_limit_seconds=words.time_limit, torchrec_rates=of.torchrec_rates)
    return list(plans(case, list(_THEIRS), limits))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0])
    parser.add_argument("--processes", type=int, default=2, help="no more than there are cores")
    parser.add_argument("--calibration", type=float, default=240, help="seconds to calibrate")
    parser.add_argument("--budget", type=float, default=45, help="seconds to tune each model")
    parser.add_argument("--time-limit", type=float, default=3, help="seconds for each plan")
    parser.add_argument("--rounds", type=int, default=41, help="after tuning, of all plans in turn")
    parser.add_argument("--seed", type=int, default=1, help="of the models that are drawn")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument(
        "--folder", type=Path, help="where calibrations stay; one that is there is used"
    )
    return parser.parse_args()


def main() -> None:
    """Calibrate, tune model after model, and print."""
    words = _arguments()
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = words.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asked = argparse.Namespace(processes=words.processes, budget=words.calibration)
        of = calibrated(words.engine, asked, folder)
        with StepCrew(words.engine, words.processes) as crew:
            for number, model in enumerate([*models(), *drawn_models(words.seed)]):
                if words.only not in model.name:
                    continue
                case = case_of(model, of.cost_model, words.processes, framework=of.framework)
                path = Path(temporary) / f"tuned-{number}"
                found = tune(case, _given(case, of, words), crew, path, words)
                lines.append(found.cells(model.name))
                print(" | ".join(lines[-1]), file=sys.stderr)
    print(as_markdown(HEADER, lines))


if __name__ == "__main__":
    main()
