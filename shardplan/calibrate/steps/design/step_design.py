"""The plans that a calibration of steps trains, in order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.calibrate.steps.design.d_optimal import d_optimal
from shardplan.calibrate.steps.design.drawn_plans import drawn_plans
from shardplan.calibrate.steps.terms.figures import Figures
from shardplan.calibrate.steps.terms.priced_plan import PricedPlan
from shardplan.calibrate.steps.terms.step_terms import step_terms
from shardplan.cost.analytic.model import AnalyticCostModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.steps.design.step_plan import StepPlan
    from shardplan.workload.optimizers.optimizer import Optimizer

_HELD_OUT_EVERY = 5
_PLAIN_CACHE_BYTES = 2**20
"""Which plans tell most hardly depends on it."""
_SHORT_SECONDS = 60.0
_CANDIDATES, _FEW_CANDIDATES = 320, 90


@dataclass(frozen=True, eq=False, slots=True)
class StepDesign:
    """Plans, the most telling first, and among them, at random, those that no fit is to see."""

    plans: tuple[StepPlan, ...]
    is_held_out: tuple[bool, ...]
    digest: str
    """Another one for another design."""

    @classmethod
    def within(cls, budget_seconds: float, ranks: int, seed: int, optimizer: Optimizer) -> Self:
        """A design that takes as little of the budget as it should, and has plans for all of it."""
        candidates = _CANDIDATES if budget_seconds >= _SHORT_SECONDS else _FEW_CANDIDATES
        return cls.of(ranks, candidates, candidates // 2, seed, optimizer)

    @classmethod
    def of(cls, ranks: int, candidates: int, count: int, seed: int, optimizer: Optimizer) -> Self:
        """``count`` of the candidates by D-optimality, and the candidates after these held out.

        Every fifth plan is held out: it is drawn as the others are, but chosen by nothing.
        """
        drawn = list(drawn_plans(ranks, candidates, seed, optimizer))
        held_out = drawn[: count // (_HELD_OUT_EVERY - 1)]
        offered = drawn[len(held_out) :]
        chosen = [offered[i] for i in d_optimal(_shares(offered), count)]
        plans, kept_apart = _mixed(chosen, held_out)
        return cls(plans, kept_apart, _digest(plans))


def _digest(plans: Sequence[StepPlan]) -> str:
    said = hashlib.sha256()
    for plan in plans:
        resolved = plan.case.resolved
        keys = ("batch", "training", "tables")
        said.update(repr([*(resolved[key] for key in keys), plan.decisions]).encode())
    return said.hexdigest()[:8]


def _shares(plans: Sequence[StepPlan]) -> NDArray[np.float64]:
    """(C, parts, K): of what each part of a step may be made of, how much a plan has.

    Each term is measured by the candidate that has most of it, and each part by the sum of its
    terms: no figure of any machine says how much they weigh.
    """
    rows = np.stack([_priced(plan).rows() for plan in plans])
    most = rows.max(axis=(0, 1))
    scaled = rows / np.where(most > 0, most, 1.0)
    total = scaled.sum(axis=2, keepdims=True)
    shares: NDArray[np.float64] = scaled / np.where(total > 0, total, 1.0)
    return shares


def _priced(plan: StepPlan) -> PricedPlan:
    model = plan.case.cost_model
    assert isinstance(model, AnalyticCostModel), "small models have an analytic cost model"
    figures = Figures.of_collectives(model.profile, _PLAIN_CACHE_BYTES)
    return PricedPlan.of(plan.case, plan.decisions, figures, step_terms())


def _mixed(
    chosen: Sequence[StepPlan], held_out: Sequence[StepPlan]
) -> tuple[tuple[StepPlan, ...], tuple[bool, ...]]:
    found: list[tuple[StepPlan, bool]] = []
    apart = iter(held_out)
    for plan in chosen:
        found.append((plan, False))
        if len(found) % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1 and (other := next(apart, None)):
            found.append((other, True))
    return tuple(plan for plan, _ in found), tuple(is_apart for _, is_apart in found)
