"""Plans of all contenders, trained under TorchRec by real processes on this machine.

    python benchmarks/executor.py [--processes 2] [--cost-model ours.yaml] [--format table|json]

shardplan plans with a cost model of this machine: the one of ``--cost-model``, such as
``shardplan calibrate`` writes, or one that is measured first, in the same way, but with FBGEMM's
kernels, which TorchRec trains with. TorchRec's planner gets the measured rates of the same machine.
Needs torch and torchrec.

TorchRec distributes, looks up and returns the tables of each sharding type apart. What one more
type costs a step is measured too; "few types" is shardplan's plan with that cost counted, chosen
among a plan of whole tables, one of whole and data-parallel tables, and the free one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
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
from report import as_markdown

from shardplan.options.sharding_type import ShardingType
from shardplan.units import parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.plan.plan import Plan
    from shardplan.workload.workload import Workload

_OURS = "shardplan"
_FEW_TYPES = "few types"
_KEEP_PAGES = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**36)}
"""For the processes that measure: large buffers stay with them from step to step, as with the
allocators that training jobs are run with. Else the kernel's zeroing of pages is measured."""
CONTENDING = [name for name in CONTENDERS if name not in ("ldm", "random")]
NAMES = [_OURS, _FEW_TYPES, *CONTENDING[1:]]
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """One contender's plan of one model."""

    model: str
    contender: str
    processes: int
    seconds: tuple[float, ...]
    """Of a step, in each round; the rounds are the same for all contenders of a model."""
    predicted_seconds: float
    """By shardplan, whoever made the plan."""
    sharding: dict[str, int]
    """How many tables have which sharding type."""

    @property
    def measured_seconds(self) -> float:
        """The least: what else runs on the machine only ever adds."""
        return min(self.seconds)


def measure(words: argparse.Namespace, cost_model: dict[str, Any]) -> Iterator[Row]:
    """All contenders on all models."""
    limits = Limits(time_limit_seconds=words.time_limit, torchrec_rates=_rates(cost_model))
    type_seconds = seconds_of_a_type(cost_model, words.processes, words.rounds)
    print(f"one sharding type more: {type_seconds * 1e3:.1f} ms", file=sys.stderr)
    for model in models():
        if words.only not in model.name:
            continue
        case = case_of(model, cost_model, words.processes)
        made = dict(plans(case, CONTENDING, limits))
        made[_FEW_TYPES] = plan_with_few_types(case, limits, type_seconds)
        seconds = measured(case.workload, list(made.values()), words.processes, words.rounds)
        for (name, plan), of in zip(made.items(), seconds.T.tolist(), strict=True):
            predicted = plan.prediction.step_seconds
            yield Row(model.name, name, words.processes, tuple(of), predicted, types_of(plan))


def measured(
    workload: Workload, chosen: Sequence[Plan], processes: int, rounds: int
) -> np.ndarray[Any, Any]:
    """(rounds, plans) seconds of a step."""
    import torch.multiprocessing
    from executed_step import run

    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "seconds.json"
        arguments = (processes, f"{folder}/store", workload, chosen, rounds, str(result))
        torch.multiprocessing.spawn(run, arguments, processes)
        return np.array(json.loads(result.read_text(encoding="utf-8")))


def as_lines(rows: Sequence[Row]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A line for each model: shardplan's milliseconds, and how many times as long others take."""
    of: dict[str, dict[str, Row]] = {}
    for row in rows:
        of.setdefault(row.model, {})[row.contender] = row
    names = [name for name in NAMES if name != _OURS]
    lines = []
    for model, found in of.items():
        ours = found[_OURS].measured_seconds
        ratios = [
            f"{found[name].measured_seconds / ours:.2f}" if name in found else "-" for name in names
        ]
        predicted = found[_OURS].predicted_seconds
        lines.append((model, f"{ours * 1e3:.1f}", f"{predicted * 1e3:.1f}", *ratios))
    return ("model", "shardplan ms", "predicted ms", *names), lines


def _rates(cost_model: dict[str, Any]) -> dict[str, float]:
    """What TorchRec's planner is to know of this machine."""
    memory = parse_rate(cost_model["lookup_forward"]["hbm"]["read"]["value"])
    link = parse_rate(cost_model["scale_up"]["link"]["value"])
    return {"hbm": memory, "host_link": memory, "intra_host": link, "inter_host": link}


def seconds_of_a_type(cost_model: dict[str, Any], processes: int, rounds: int) -> float:
    """What one sharding type more costs a step of TorchRec's, which runs each on its own."""
    tables = [{"name": f"t_{i}", "rows": 1000, "dim": 16, "pooling": 1} for i in range(8)]
    case = case_of(Model("small", tables, 64 * processes), cost_model, processes)
    limits = Limits(time_limit_seconds=1.0)
    first, second = (
        dict(plans(narrowed(case, [kind]), [_OURS], limits))[_OURS]
        for kind in (ShardingType.TABLE_WISE, ShardingType.ROW_WISE)
    )
    ((module, whole),), ((_, cut),) = first.plan.items(), second.plan.items()
    half = dict(list(whole.items())[:4]) | dict(list(cut.items())[4:])
    both = first.model_copy(update={"plan": {module: half}})
    seconds = measured(case.workload, [first, both], processes, rounds).min(axis=0)
    return float(max(0.0, seconds[1] - seconds[0]))


def _calibrated(processes: int, budget_seconds: float) -> dict[str, Any]:
    import fbgemm_kernels

    from shardplan.calibrate import worker
    from shardplan.calibrate.cost_model_fit import fit_cost_model
    from shardplan.calibrate.crew import Crew
    from shardplan.calibrate.grid import tasks
    from shardplan.calibrate.machine import Machine
    from shardplan.calibrate.session import run_tasks

    worker.serve = fbgemm_kernels.serve
    with Crew(processes, on_gpu=False) as crew:
        measurements = run_tasks(tasks(processes), crew, budget_seconds)
    return fit_cost_model("here", Machine.here("cpu"), processes, measurements)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cost-model", type=Path, help="of this machine; or it is measured")
    parser.add_argument("--budget", type=float, default=120, help="seconds to calibrate")
    parser.add_argument("--time-limit", type=float, default=20, help="seconds for shardplan")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="write the measured cost model to this file")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--json", type=Path, help="write all that is known to this file too")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    words = _arguments()
    os.environ |= _KEEP_PAGES
    if words.cost_model:
        cost_model = yaml.safe_load(words.cost_model.read_text(encoding="utf-8"))
    else:
        cost_model = _calibrated(words.processes, words.budget)
    if words.keep:
        words.keep.write_text(yaml.safe_dump(cost_model, sort_keys=False), encoding="utf-8")
    rows: list[Row] = []
    text = "[]"
    for row in measure(words, cost_model):
        rows.append(row)
        text = json.dumps([asdict(row) for row in rows], indent=1) + "\n"
        if words.json:
            words.json.write_text(text, encoding="utf-8")
    print(text if words.format == "json" else as_markdown(*as_lines(rows)))


if __name__ == "__main__":
    main()
