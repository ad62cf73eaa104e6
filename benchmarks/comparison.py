"""One contender on one problem, measured in a process of its own."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from contenders import CONTENDERS, TORCHREC, Limits
from own_process import in_own_process
from tier_contenders import TIER_CONTENDERS

from shardplan.cost.cost_model import TIERS
from shardplan.errors import Infeasible, NoPlanFound
from shardplan.plan.file.plan import Plan
from shardplan.plan.predict import predict
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from instances import Instance

    from shardplan.case import Case
    from shardplan.plan.decision import Decision


_ALL = CONTENDERS | TIER_CONTENDERS


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one contender on one problem."""

    family: str
    instance: str
    ruler: str
    contender: str
    objective_seconds: float | None = None
    """None without a plan that fits."""
    lower_bound_seconds: float | None = None
    """Proven by shardplan; the same for all contenders of a problem."""
    cpu_seconds: float | None = None
    """From the case to the plan, of all threads; imports are left out."""
    peak_bytes: int | None = None
    """Of the whole process, its imports included."""
    is_cut: bool = False
    """Whether TorchRec's planner was stopped by its time limit."""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the bound."""
        if self.objective_seconds is None or not self.lower_bound_seconds:
            return None
        return self.objective_seconds / self.lower_bound_seconds


def compare(instance: Instance, contender: str, limits: Limits) -> Row:
    """Plan, score and measure."""
    row = Row(instance.family, instance.name, instance.ruler.value, contender)
    try:
        returned = in_own_process(_run, instance, contender, limits, row)
    except RuntimeError as error:
        return replace(row, note=str(error))
    return replace(returned.value, peak_bytes=returned.peak_bytes)


def _run(instance: Instance, contender: str, limits: Limits, row: Row) -> Row:
    """Runs in the child."""
    case = instance.case()
    if contender in TORCHREC:
        importlib.import_module("torchrec_planner")
    clock, started = time.monotonic(), time.process_time()
    try:
        found = _ALL[contender](case, limits)
    except (NoPlanFound, Infeasible) as error:
        row = replace(row, note=f"no plan: {error}"[:80])
        return replace(row, cpu_seconds=time.process_time() - started)
    row = replace(row, cpu_seconds=time.process_time() - started)
    if contender in TORCHREC and time.monotonic() - clock >= limits.torchrec_seconds:
        row = replace(row, is_cut=True, note=f"stopped after {limits.torchrec_seconds} s")
    if isinstance(found, Plan):
        return replace(
            row,
            objective_seconds=found.optimality.objective_seconds,
            lower_bound_seconds=found.optimality.lower_bound_seconds,
            note=f"ended by {found.optimality.termination}",
        )
    return _scored(case, found, row)


def _scored(case: Case, decisions: tuple[Decision, ...], row: Row) -> Row:
    prediction = predict(case, decisions)
    usable = case.capacity.usable_bytes
    device, node = prediction.rank_memory_bytes[:, 0], prediction.node_memory_bytes[:, 1]
    for place, tier, used in (("device", 0, device), ("node", 1, node)):
        if (used > usable[tier]).any():
            share = used.max() / usable[tier]
            note = f"does not fit: a {place} needs {share:.2f} of its {TIERS[tier].upper()}"
            return replace(row, note=note)
    balance = case.objective is Objective.BALANCE
    seconds = prediction.balance_seconds if balance else prediction.step_seconds
    return replace(row, objective_seconds=seconds)
