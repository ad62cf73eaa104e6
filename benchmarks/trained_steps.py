"""Calibrates this machine, then trains random placements with real processes on it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from placements import one_node, placements, step_seconds, workload

from shardplan.calibrate.cost_model_fit import fit_cost_model
from shardplan.calibrate.crew import Crew
from shardplan.calibrate.grid import tasks
from shardplan.calibrate.machine import Machine
from shardplan.calibrate.session import run_tasks
from shardplan.cost.select import read_cost_model, select_cost_model
from shardplan.spec.catalog import Kind
from shardplan.spec.document import Document
from shardplan.spec.source import Source, named_source

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from placements import Placement

    from shardplan.workload.workload import Workload

_HERE = Path(__file__).parent
_ANY_LINK = "1GB/s"
"""TorchRec's constants bring their own links."""


@dataclass(frozen=True, eq=False, slots=True)
class Steps:
    """(M,) each: seconds of a training step under each placement."""

    rounds: NDArray[np.float64]
    """(rounds, M): measured, again and again."""
    predicted: NDArray[np.float64]
    torchrec: NDArray[np.float64]
    residuals: dict[str, Any]
    """Of the calibration that the predictions rest on."""


def trained_steps(ranks: int, count: int, budget_seconds: float, seed: int) -> Steps:
    """Measure and predict a step of ``count`` random placements among ``ranks`` CPU processes."""
    machine = Machine.here("cpu")
    with Crew(ranks, on_gpu=False) as crew:
        measurements = run_tasks(tasks(ranks), crew, budget_seconds)
    value = fit_cost_model("here", machine, ranks, measurements)
    model = workload(seed)
    chosen = placements(count, len(model.tables), ranks, seed)
    rounds = _measured(model, chosen, ranks)
    ours = Source("here", Document(value, "here"))
    theirs = named_source(Kind.COST_MODEL, "torchrec", _HERE)
    link = value["scale_up"]["link"]["value"]
    return Steps(
        rounds=rounds,
        predicted=_predicted(ours, model, chosen, ranks, link),
        torchrec=_predicted(theirs, model, chosen, ranks, _ANY_LINK),
        residuals=value["calibration"]["residuals"],
    )


def _predicted(
    source: Source, model: Workload, chosen: list[Placement], ranks: int, link: str
) -> NDArray[np.float64]:
    node = one_node(ranks, source.name, link)
    file = read_cost_model(source)
    cost_model = select_cost_model(file, source, model, node, _HERE).cost_model
    return np.array([step_seconds(cost_model, each, ranks) for each in chosen])


def _measured(model: Workload, chosen: list[Placement], ranks: int) -> NDArray[np.float64]:
    import torch.multiprocessing
    from sharded_step import run

    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "seconds.json"
        arguments = (ranks, f"{folder}/rendezvous", model, chosen, str(result))
        torch.multiprocessing.spawn(run, arguments, ranks)
        return np.array(json.loads(result.read_text(encoding="utf-8")))
