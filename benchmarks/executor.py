"""Plans of all contenders trained under TorchRec, and shardplan's in the native engine beside it.

    python benchmarks/executor.py [--processes 2 4] [--cost-model ours.yaml] [--format table|json]

shardplan plans with a cost model of this machine: the one of ``--cost-model``, such as
``shardplan calibrate`` writes, or one that is measured first, in the same way, but with FBGEMM's
kernels, which TorchRec trains with. TorchRec's planner gets the measured rates of the same machine.
Needs torch and torchrec.

TorchRec distributes, looks up and returns the tables of each sharding type apart. What one more
type costs a step is measured too; "few types" is shardplan's plan with that cost counted, chosen
among a plan of whole tables, one of whole and data-parallel tables, and the free one.

All that stands in one line was measured in one run of the processes, in turn, round after round:
the ratios are of neighbours in time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from contenders import CONTENDERS, Limits
from executed_models import (
    Model,
    case_of,
    models,
    narrowed,
    plan_with_few_types,
    plans,
    types_of,
)
from executed_rows import (
    FEW_TYPES,
    OURS,
    Row,
    as_json,
    engine_lines,
    plan_lines,
    read_executed,
)
from report import as_markdown

from shardplan.sharding.kind import ShardingType
from shardplan.units import parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.plan.file.plan import Plan
    from shardplan.workload.workload import Workload

_KEEP_PAGES = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**36)}
"""For the processes that measure: large buffers stay with them from step to step, as with the
allocators that training jobs are run with. Else the kernel's zeroing of pages is measured."""
CONTENDING = [name for name in CONTENDERS if name not in ("ldm", "random")]


@dataclass(frozen=True, slots=True)
class Job:
    """A plan, who made it, and which engine is to train it."""

    contender: str
    engine: str
    optimizer: str
    plan: Plan


def measure(words: argparse.Namespace, cost_model: dict[str, Any], processes: int) -> Iterator[Row]:
    """All contenders and both engines on all models."""
    limits = Limits(
        time_limit_seconds=words.time_limit, torchrec_rates=rates_for_torchrec(cost_model)
    )
    type_seconds = seconds_of_a_type(cost_model, processes, words.rounds)
    print(
        f"{processes} processes, one sharding type more: {type_seconds * 1e3:.1f} ms",
        file=sys.stderr,
    )
    for model in models():
        if words.only not in model.name:
            continue
        case = case_of(model, cost_model, processes)
        made = dict(plans(case, CONTENDING, limits))
        made[FEW_TYPES] = plan_with_few_types(case, limits, type_seconds)
        jobs = [Job(name, "torchrec", "sgd", plan) for name, plan in made.items()]
        jobs.append(Job(OURS, "native", "sgd", made[OURS]))
        adagrad = case_of(model, cost_model, processes, "rowwise_adagrad")
        plan = dict(plans(adagrad, [OURS], limits))[OURS]
        jobs += [Job(OURS, engine, "rowwise_adagrad", plan) for engine in ("torchrec", "native")]
        pairs = [(job.engine, job.plan) for job in jobs]
        times = measured(case.workload, pairs, processes, words.rounds)
        for job, of in zip(jobs, times.transpose(1, 2, 0).tolist(), strict=True):
            yield Row(
                model=model.name,
                contender=job.contender,
                engine=job.engine,
                optimizer=job.optimizer,
                processes=processes,
                seconds=tuple(of[0]),
                core_seconds=tuple(of[1]),
                predicted_seconds=job.plan.prediction.step_seconds,
                sharding=types_of(job.plan),
            )


def measured(
    workload: Workload, chosen: Sequence[tuple[str, Plan]], processes: int, rounds: int
) -> np.ndarray[Any, Any]:
    """(rounds, plans, 2): seconds of a step by the clock, and on a core."""
    import torch.multiprocessing
    from executed_step import run

    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "seconds.json"
        arguments = (processes, f"{folder}/store", workload, chosen, rounds, str(result))
        torch.multiprocessing.spawn(run, arguments, processes)
        return np.array(json.loads(result.read_text(encoding="utf-8")))


def rates_for_torchrec(cost_model: dict[str, Any]) -> dict[str, float]:
    """What TorchRec's planner is to know of this machine."""
    known = cost_model["lookup_forward"]["hbm"].get("read", cost_model["dense_update"])
    memory = parse_rate(known["value"])
    link = parse_rate(cost_model["scale_up"]["link"]["value"])
    return {"hbm": memory, "host_link": memory, "intra_host": link, "inter_host": link}


def seconds_of_a_type(cost_model: dict[str, Any], processes: int, rounds: int) -> float:
    """What one sharding type more costs a step of TorchRec's, which runs each on its own."""
    tables = [{"name": f"t_{i}", "rows": 1000, "dim": 16, "pooling": 1} for i in range(8)]
    case = case_of(Model("small", tables, 64 * processes), cost_model, processes)
    limits = Limits(time_limit_seconds=1.0)
    first, second = (
        dict(plans(narrowed(case, [kind]), [OURS], limits))[OURS]
        for kind in (ShardingType.TABLE_WISE, ShardingType.ROW_WISE)
    )
    ((module, whole),), ((_, cut),) = first.plan.items(), second.plan.items()
    half = dict(list(whole.items())[:4]) | dict(list(cut.items())[4:])
    both = first.model_copy(update={"plan": {module: half}})
    pairs = [("torchrec", first), ("torchrec", both)]
    seconds = measured(case.workload, pairs, processes, rounds)[:, :, 0]
    return float(max(0.0, np.median(seconds[:, 1] - seconds[:, 0])))


def _calibrated(processes: int, budget_seconds: float) -> dict[str, Any]:
    import fbgemm_kernels

    from shardplan.calibrate.fit.cost_model_fit import fit_cost_model
    from shardplan.calibrate.measure import worker
    from shardplan.calibrate.measure.crew import Crew
    from shardplan.calibrate.measure.grid import tasks
    from shardplan.calibrate.measure.machine import Machine
    from shardplan.calibrate.measure.session import run_tasks

    worker.serve = fbgemm_kernels.serve
    with Crew(processes, on_gpu=False) as crew:
        measurements = run_tasks(tasks(processes), crew, budget_seconds)
    return fit_cost_model("here", Machine.here("cpu"), processes, measurements)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--cost-model", type=Path, help="of this machine; or it is measured")
    parser.add_argument("--budget", type=float, default=120, help="seconds to calibrate")
    parser.add_argument("--time-limit", type=float, default=20, help="seconds for shardplan")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--json", type=Path, help="into this file too; others stay")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    words = _arguments()
    os.environ |= _KEEP_PAGES
    there = read_executed(words.json) if words.json and words.json.exists() else []
    others = [row for row in there if row.processes not in words.processes]
    rows: list[Row] = []
    for processes in words.processes:
        if words.cost_model:
            cost_model = yaml.safe_load(words.cost_model.read_text(encoding="utf-8"))
        else:
            cost_model = _calibrated(processes, words.budget)
        for row in measure(words, cost_model, processes):
            rows.append(row)
            if words.json:
                text = as_json([*others, *rows])
                words.json.write_text(text, encoding="utf-8")
    if words.format == "json":
        print(as_json(rows))
    else:
        print(as_markdown(*plan_lines(rows)), as_markdown(*engine_lines(rows)), sep="\n")


if __name__ == "__main__":
    main()
