"""Calibrates this machine, then trains random placements with real processes on it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from placements import one_node, phase_seconds, placements, workload

from shardplan.calibrate.fit.cost_model_fit import fit_cost_model
from shardplan.calibrate.measure.crew import Crew
from shardplan.calibrate.measure.grid import tasks
from shardplan.calibrate.measure.machine import Machine
from shardplan.calibrate.measure.session import run_tasks
from shardplan.cost.select import read_cost_model, select_pricing
from shardplan.spec.catalog.catalog import Kind
from shardplan.spec.catalog.source import Source, named_source
from shardplan.spec.text.document import Document

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from placements import Placement

    from shardplan.workload.workload import Workload

_HERE = Path(__file__).parent
_ANY_LINK = "1GB/s"
"""TorchRec's constants bring their own links."""


@dataclass(frozen=True, eq=False, slots=True)
class Steps:
    """Training steps under M placements, measured again and again, and predicted.

    A phase begins on all ranks at once and ends when the slowest rank ends. Each rank's phase is
    the least of all rounds, since what else runs on the machine only ever adds, and adds to one
    rank at a time; a step is the sum of its phases. What a rank does by itself is timed on its
    core, as a calibration times it, and exchanges by the clock.
    """

    rounds: NDArray[np.float64]
    """(ranks, rounds, M, phases): measured."""
    predicted: NDArray[np.float64]
    """(M,)."""
    torchrec: NDArray[np.float64]
    """(M,)."""
    residuals: dict[str, Any]
    """Of the calibration that the predictions rest on."""

    def measured(self, rounds: slice = slice(None)) -> NDArray[np.float64]:
        """(M,): seconds of a step, from some of the rounds."""
        least: NDArray[np.float64] = self.rounds[:, rounds].min(axis=1)
        return least.max(axis=0).sum(axis=-1)


def trained_steps(ranks: int, count: int, budget_seconds: float, seed: int) -> Steps:
    """Measure and predict a step of ``count`` random placements among ``ranks`` CPU processes.

    The budget is that of the calibration, and again that of the steps.
    """
    machine = Machine.here("cpu")
    with Crew(ranks, on_gpu=False) as crew:
        measurements = run_tasks(tasks(ranks), crew, budget_seconds)
    value = fit_cost_model("here", machine, ranks, measurements)
    model = workload(seed)
    chosen = placements(count, len(model.tables), ranks, seed)
    rounds = measured_rounds(model, chosen, ranks, budget_seconds)
    ours = Source("here", Document(value, "here"))
    theirs = named_source(Kind.COST_MODEL, "torchrec", _HERE)
    link = value["scale_up"]["link"]["value"]
    return Steps(
        rounds=rounds,
        predicted=predicted_steps(ours, model, chosen, ranks, link),
        torchrec=predicted_steps(theirs, model, chosen, ranks, _ANY_LINK),
        residuals=value["calibration"]["residuals"],
    )


def predicted_steps(
    source: Source, model: Workload, chosen: list[Placement], ranks: int, link: str
) -> NDArray[np.float64]:
    """(M,): seconds of a step."""
    node = one_node(ranks, source.name, link)
    pricing = select_pricing(read_cost_model(source), source, _HERE)
    cost_model = pricing.cost_model(model, node)
    return np.array([sum(phase_seconds(cost_model, each, ranks).values()) for each in chosen])


def measured_rounds(
    model: Workload, chosen: list[Placement], ranks: int, budget_seconds: float
) -> NDArray[np.float64]:
    """(ranks, rounds, M, phases): seconds, from processes that train."""
    import torch.multiprocessing
    from sharded_step import run

    with tempfile.TemporaryDirectory() as folder:
        arguments = (ranks, folder, model, chosen, budget_seconds)
        torch.multiprocessing.spawn(run, arguments, ranks)
        files = [Path(folder, f"seconds.{rank}.json") for rank in range(ranks)]
        return np.array([json.loads(file.read_text(encoding="utf-8")) for file in files])
