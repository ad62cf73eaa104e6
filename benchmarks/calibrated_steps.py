"""Calibrates both engines here, trains twelve models that no calibration has seen, and compares.

    python benchmarks/calibrated_steps.py [--budget 300] [--rounds 9] [--seed 1] [--json FILE]

``shardplan calibrate --engine`` runs as it is, for each engine apart; then the plans of all
contenders, and shardplan's own of fewer sharding types, are trained by the same engine in real
processes, one to a core, in turn, round after round. Printed are predicted steps beside measured
ones, how far off they are, how many pairs of plans of a model are in the right order, and plans
against plans. Six models are known ones, six are drawn from the seed.

On a machine on which something else runs, calibrated and measured steps are of two machines.
Needs torch and torchrec.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from calibrated_rows import (
    OURS,
    TYPES,
    CalibratedRow,
    accuracy_lines,
    as_json,
    plan_lines,
    read_calibrated,
    step_lines,
    summary_lines,
)
from contenders import CONTENDERS, Limits
from executed_models import case_of, drawn_models, models, narrowed, plans, types_of
from executor import rates_for_torchrec
from report import as_markdown

from shardplan.calibrate.steps.training.step_crew import StepCrew
from shardplan.errors import NoPlanFound
from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from executed_models import Model

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

CONTENDING = [name for name in CONTENDERS if name not in ("ldm", "random")]
_NARROW = (
    (ShardingType.TABLE_WISE,),
    (ShardingType.TABLE_WISE, ShardingType.DATA_PARALLEL),
    (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE),
    (ShardingType.TABLE_WISE, ShardingType.ROW_WISE),
)
"""Of which shardplan makes plans too: they show whether types are priced in the right order."""


def calibrated(engine: str, words: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """The cost model and the framework profile of an engine, by the command itself."""
    path = folder / f"{engine}.yaml"
    asked = ["-o", str(path), "--engine", engine, "--processes", str(words.processes)]
    asked += ["--budget", f"{words.budget}s"]
    done = subprocess.run([sys.executable, "-m", "shardplan", "calibrate", *asked], check=True,
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    print(f"{engine}:\n{done.stdout}", file=sys.stderr)
    files = (path, path.with_name(f"{path.stem}-{engine}.yaml"))
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


def plans_of(case: Case, limits: Limits) -> list[tuple[tuple[str, ...], Plan]]:
    """All that is trained, each plan once, with all who made it."""
    made = list(plans(case, CONTENDING, limits))
    for kinds in _NARROW:
        name = TYPES + " ".join(kind.name for kind in kinds)
        try:
            made += [(name, plan) for _, plan in plans(narrowed(case, kinds), [OURS], limits)]
        except NoPlanFound:
            continue
    made.sort(key=lambda pair: _where(pair[1]))
    found = []
    for _, same in groupby(made, key=lambda pair: _where(pair[1])):
        pairs = list(same)
        found.append((tuple(name for name, _ in pairs), pairs[0][1]))
    return found


def _where(plan: Plan) -> str:
    """Where all tables lie."""
    return plan.model_dump_json(include={"plan"})


def measure(
    engine: str, words: argparse.Namespace, files: list[dict[str, Any]]
) -> Iterator[CalibratedRow]:
    """All plans of all models."""
    cost_model, framework = files
    limits = Limits(
        time_limit_seconds=words.time_limit, torchrec_rates=rates_for_torchrec(cost_model)
    )
    known: list[tuple[bool, Model]] = [(True, model) for model in models()]
    known += [(False, model) for model in drawn_models(words.seed)]
    for is_known, model in known:
        if words.only not in model.name:
            continue
        case = case_of(model, cost_model, words.processes, framework=framework)
        made = plans_of(case, limits)
        with StepCrew(engine, words.processes) as crew:
            seconds = np.array(crew.train([plan for _, plan in made], words.rounds))
        for at, (contenders, plan) in enumerate(made):
            yield CalibratedRow(
                engine=engine,
                is_known=is_known,
                model=model.name,
                contenders=contenders,
                processes=words.processes,
                seconds=tuple(seconds[:, at, 0, -1].tolist()),
                part_seconds=tuple(np.median(seconds[:, at, 0, :-1], axis=0).tolist()),
                predicted_seconds=plan.prediction.step_seconds,
                sharding=types_of(plan),
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--engines", nargs="+", default=["torchrec", "native"])
    parser.add_argument("--processes", type=int, default=2, help="no more than there are cores")
    parser.add_argument("--budget", type=float, default=300, help="seconds to calibrate an engine")
    parser.add_argument("--time-limit", type=float, default=5, help="seconds for each plan")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1, help="of the models that are drawn")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--folder", type=Path, help="where calibrations stay, and are gone on with")
    parser.add_argument("--json", type=Path, help="into this file too; other engines' rows stay")
    return parser.parse_args()


def main() -> None:
    """Calibrate, train and print."""
    words = _arguments()
    cores = len(os.sched_getaffinity(0))
    if words.processes > cores:
        sys.exit(f"{words.processes} processes would share {cores} cores, as on no cluster")
    there = read_calibrated(words.json) if words.json and words.json.exists() else []
    rows = [row for row in there if row.engine not in words.engines]
    with tempfile.TemporaryDirectory() as temporary:
        folder = words.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for engine in words.engines:
            for row in measure(engine, words, calibrated(engine, words, folder)):
                rows.append(row)
                if words.json:
                    words.json.write_text(as_json(rows), encoding="utf-8")
    for lines in (step_lines, plan_lines, summary_lines, accuracy_lines):
        print(as_markdown(*lines(rows)))


if __name__ == "__main__":
    main()
