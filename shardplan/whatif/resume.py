"""An earlier plan of a spec, taken up again: where a search begins, and what is proven already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import ShardplanError
from shardplan.plan.carried import summed_as_planned
from shardplan.plan.file.provenance import Inputs
from shardplan.plan.predict import predict
from shardplan.solve.outcome import ProvenBound
from shardplan.spec.objective import Objective
from shardplan.version import __version__
from shardplan.whatif.old_plan import carry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan

_AGREEMENT = 1e-6
"""Relative difference up to which a plan costs today what it claims."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a solve can take over from an earlier one."""

    decisions: tuple[Decision, ...]
    """Those that are possible under the case; a first plan where they are legal and complete."""
    proven: ProvenBound | None
    """None where the earlier bound does not hold."""
    doubt: str
    """Why it does not; empty where it does."""


def resume(plan: Plan, then: Case, now: Case) -> Resumed:
    """Take up ``plan``, which was made for ``then``, for the case ``now``."""
    now = summed_as_planned(plan, now)
    decisions = carry(plan, then, now).decisions
    doubt = next(_doubts(plan, now, decisions), "")
    claim = plan.optimality
    proven = None if doubt else ProvenBound(claim.lower_bound_seconds, claim.bound)
    return Resumed(decisions, proven, doubt)


def _doubts(plan: Plan, case: Case, decisions: tuple[Decision, ...]) -> Iterator[str]:
    """Why the plan's bound may not hold for a case."""
    mine, inputs = Inputs.of(case.resolved), ("spec_sha256", "topology", "cost_model")
    changed = [name for name in inputs if getattr(plan.inputs, name) != getattr(mine, name)]
    if changed:
        names = ", ".join(name.removesuffix("_sha256").replace("_", " ") for name in changed)
        yield f"the plan was made from another {names}"
    if plan.moves is not None and plan.moves.budget_bytes is not None:
        yield "the plan's bound is of plans that move little alone"
    if plan.solver.shardplan_version != __version__:
        yield f"the plan was made by shardplan {plan.solver.shardplan_version}"
    claim = plan.optimality
    if claim.lower_bound_seconds > claim.objective_seconds:
        yield "the plan's bound is above its objective"
    if not _costs(case, decisions, claim.objective_seconds):
        yield "the plan does not cost what it claims"


def _costs(case: Case, decisions: tuple[Decision, ...], seconds: float) -> bool:
    """Whether decisions have that objective in seconds."""
    try:
        found = predict(case, decisions)
    except (ShardplanError, ValueError):
        return False
    is_step = case.objective is Objective.STEP_TIME
    objective = found.step_seconds if is_step else found.balance_seconds
    return abs(objective - seconds) <= _AGREEMENT * seconds
