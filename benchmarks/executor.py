"""Calibrates both engines here, and trains twelve models that no calibration has seen.

    python benchmarks/executor.py [--engines torchrec native] [--series plans engines] [--json FILE]

``shardplan calibrate --engine`` runs as it is, for each engine apart. Then come six known models
and six drawn from the seed. The plans of all contenders, and shardplan's own of fewer sharding
types, are made with an engine's calibration and trained by that engine; and shardplan's plan for
TorchRec is trained by both engines, with SGD and with row-wise Adagrad. All that belongs to one
model is trained in real processes, one to a core, in turn, round after round.

Printed are predicted steps beside measured ones, how far off they are, how many pairs of plans are
in the right order, plans against plans, and engine beside engine. On a machine on which something
else runs, calibrated and measured steps are of two machines. Needs torch and torchrec.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from contenders import CONTENDERS, Limits
from executed_models import case_of, drawn_models, models, narrowed, plans, types_of
from executed_rows import OURS, TYPES, Series, StepRow, as_json, read_executed
from executed_tables import (
    accuracy_lines,
    engine_lines,
    engine_summary,
    machines,
    step_lines,
    summary_lines,
)
from in_turn import Job, times_in_turn
from report import as_markdown

from shardplan.calibrate.measure.machine import Machine
from shardplan.calibrate.steps.training.step_crew import StepCrew
from shardplan.plan.predict import predict
from shardplan.sharding.kind import ShardingType
from shardplan.tune.candidates.candidate import decisions_of, likeness
from shardplan.units import parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from executed_models import Model

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

ENGINES = ("torchrec", "native")
_DIGITS = 7
"""Of measured seconds: a tenth of a microsecond is more than clocks tell of steps."""
CONTENDING = [name for name in CONTENDERS if name not in ("ldm", "random")]
_SGD, _ADAGRAD = "sgd", "rowwise_adagrad"
_NARROW = (
    (ShardingType.TABLE_WISE,),
    (ShardingType.TABLE_WISE, ShardingType.DATA_PARALLEL),
    (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE),
    (ShardingType.TABLE_WISE, ShardingType.ROW_WISE),
)
"""Of which shardplan makes plans too: they show whether types are priced in the right order."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What ``shardplan calibrate --engine`` wrote."""

    cost_model: dict[str, Any]
    framework: dict[str, Any]

    @property
    def torchrec_rates(self) -> dict[str, float]:
        """What TorchRec's planner is to know of this machine: at which rates a core sweeps memory
        and a link carries what is sent, for its planner knows no others."""
        cost_model = self.cost_model
        memory = parse_rate(cost_model["dense_update"]["value"])
        link = parse_rate(cost_model["scale_up"]["link"]["value"])
        return {"hbm": memory, "host_link": memory, "intra_host": link, "inter_host": link}


def calibrated(engine: str, words: argparse.Namespace, folder: Path) -> Calibration:
    """An engine, by the command itself, or what it wrote to the folder before.

    Exits where that is of another machine or number of processes.
    """
    path = folder / f"{engine}.yaml"
    files = (path, path.with_name(f"{path.stem}-{engine}.yaml"))
    if not all(file.exists() for file in files):
        _calibrate(engine, words, path)
    found = Calibration(*(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files))
    here = {"machine": Machine.here("cpu").description, "processes": words.processes}
    there = found.cost_model["calibration"]
    if any(there[key] != value for key, value in here.items()):
        sys.exit(f"{path} is of {there['processes']} processes on {there['machine']}")
    return found


def _calibrate(engine: str, words: argparse.Namespace, path: Path) -> None:
    asked = ["-o", str(path), "--engine", engine, "--processes", str(words.processes)]
    asked += ["--budget", f"{words.budget}s"]
    done = subprocess.run([sys.executable, "-m", "shardplan", "calibrate", *asked], check=True,
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    print(f"{engine}:\n{done.stdout}", file=sys.stderr)


def plans_of(case: Case, limits: Limits) -> list[tuple[tuple[str, ...], Plan]]:
    """All that is trained, with all who made it; of plans alike but for ranks' names, the first."""
    made = list(plans(case, CONTENDING, limits))
    for kinds in _NARROW:
        name = TYPES + " ".join(kind.name for kind in kinds)
        made += [(name, plan) for _, plan in plans(narrowed(case, kinds), [OURS], limits)]
    found: dict[object, list[tuple[str, Plan]]] = {}
    for pair in made:
        found.setdefault(likeness(pair[1]), []).append(pair)
    return [(tuple(name for name, _ in pairs), pairs[0][1]) for pairs in found.values()]


def jobs_of(
    model: Model, calibrations: Mapping[str, Calibration], words: argparse.Namespace
) -> list[Job]:
    """All that is trained of a model."""
    cases = {
        engine: partial(case_of, model, of.cost_model, words.processes, framework=of.framework)
        for engine, of in calibrations.items()
    }
    limits = {
        engine: Limits(time_limit_seconds=words.time_limit, torchrec_rates=of.torchrec_rates)
        for engine, of in calibrations.items()
    }
    jobs = [
        Job(Series.PLANS, engine, _SGD, contenders, plan, plan.prediction.step_seconds)
        for engine, case in cases.items()
        if Series.PLANS in words.series
        for contenders, plan in plans_of(case(_SGD), limits[engine])
    ]
    if Series.ENGINES not in words.series or set(calibrations) != set(ENGINES):
        return jobs
    for optimizer in (_SGD, _ADAGRAD):
        (ours,) = plans(cases[ENGINES[0]](optimizer), [OURS], limits[ENGINES[0]])
        for engine in ENGINES:
            predicted = _predicted_seconds(ours[1], cases[engine](optimizer))
            jobs.append(Job(Series.ENGINES, engine, optimizer, (OURS,), ours[1], predicted))
    return jobs


def _predicted_seconds(plan: Plan, case: Case) -> float:
    """Of a step under a plan, which another calibration may have made."""
    return predict(case, decisions_of(plan, case)).step_seconds


def measure(
    calibrations: Mapping[str, Calibration], words: argparse.Namespace
) -> Iterator[list[StepRow]]:
    """All that belongs to one model, model after model."""
    machine = str(Machine.here("cpu"))
    known: list[tuple[bool, Model]] = [(True, model) for model in models()]
    known += [(False, model) for model in drawn_models(words.seed)]
    with ExitStack() as stack:
        crews = {e: stack.enter_context(StepCrew(e, words.processes)) for e in calibrations}
        for is_known, model in known:
            if words.only not in model.name:
                continue
            jobs = jobs_of(model, calibrations, words)
            seconds = times_in_turn(crews, jobs, words.rounds).round(_DIGITS)
            print(f"{model.name}: {len(jobs)} plans trained", file=sys.stderr)
            yield [
                StepRow(
                    series=job.series,
                    engine=job.engine,
                    optimizer=job.optimizer,
                    is_known=is_known,
                    model=model.name,
                    contenders=job.contenders,
                    machine=machine,
                    processes=words.processes,
                    predicted_seconds=job.predicted_seconds,
                    sharding=types_of(job.plan),
                    seconds=tuple(of[:, 0, -1].tolist()),
                    core_seconds=tuple(of[:, 1, -1].tolist()),
                    part_seconds=tuple(np.median(of[:, 0, :-1], axis=0).tolist()),
                )
                for job, of in zip(jobs, seconds.swapaxes(0, 1), strict=True)
            ]


def others(there: Sequence[StepRow], words: argparse.Namespace) -> list[StepRow]:
    """Those rows of a file that are not measured anew; what was measured together stays so."""
    return [
        row
        for row in there
        if words.only not in row.model
        or row.series not in words.series
        or not ({row.engine} if row.series == Series.PLANS else {*ENGINES}) <= {*words.engines}
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument(
        "--series", nargs="+", choices=list(Series), default=list(Series),
        help="plans of an engine beside one another, or both engines under the same plan",
    )  # fmt: skip
    parser.add_argument("--processes", type=int, default=2, help="no more than there are cores")
    parser.add_argument("--budget", type=float, default=240, help="seconds to calibrate an engine")
    parser.add_argument("--time-limit", type=float, default=5, help="seconds for each plan")
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--seed", type=int, default=1, help="of the models that are drawn")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument(
        "--folder", type=Path, help="where calibrations stay; one that is there is used"
    )
    parser.add_argument("--json", type=Path, help="into this file too; its other rows stay")
    return parser.parse_args()


def main() -> None:
    """Calibrate, train and print."""
    words = _arguments()
    cores = len(os.sched_getaffinity(0))
    if words.processes > cores:
        sys.exit(f"{words.processes} processes would share {cores} cores, as on no cluster")
    rows = others(read_executed(words.json), words) if words.json and words.json.exists() else []
    with tempfile.TemporaryDirectory() as temporary:
        folder = words.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        calibrations = {e: calibrated(e, words, folder) for e in ENGINES if e in words.engines}
    for found in measure(calibrations, words):
        rows += found
        if words.json:
            words.json.write_text(as_json(rows), encoding="utf-8")
    print(machines(rows))
    for lines in (step_lines, accuracy_lines, summary_lines, engine_lines, engine_summary):
        print(as_markdown(*lines(rows)))


if __name__ == "__main__":
    main()
