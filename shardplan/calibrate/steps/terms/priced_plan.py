"""How much of each term a plan has, phase by phase and rank by rank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.calibrate.steps.terms.step_terms import PARTS
from shardplan.cost.analytic.model import AnalyticCostModel
from shardplan.plan.decision import options_of
from shardplan.plan.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.steps.terms.figures import Figures
    from shardplan.calibrate.steps.terms.step_term import StepTerm
    from shardplan.case import Case
    from shardplan.cost.analytic.units import Units
    from shardplan.plan.decision import Decision

_PARTS = [[phase.name for phase in phases] for phases in PARTS.values()]


@dataclass(frozen=True, eq=False)
class PricedPlan:
    """Each rank's seconds are linear in K terms: ``amounts @ values``, for each of P phases."""

    amounts: NDArray[np.float64]
    """(P, W, K), charges and constants included."""
    part: NDArray[np.int64]
    """(P,): position of each phase's part in ``PARTS``."""

    @classmethod
    def of(
        cls, case: Case, decisions: Sequence[Decision], figures: Figures, terms: Sequence[StepTerm]
    ) -> Self:
        """By the cost model itself, a term at a time, so that what is fitted is what is predicted.

        ``figures`` have nothing but collectives and sweeps. Row shards are taken to be alike.
        """
        known = case.cost_model
        assert isinstance(known, AnalyticCostModel), "small models have an analytic cost model"
        model = known.repriced(figures.profile, figures.framework)
        units = model.units(options_of(decisions))
        ledger = Ledger.of(decisions, model, case.topology.world)
        names = [phase.name for phase in model.phases]
        base = _rank_seconds(model, units, ledger)
        columns = []
        for term in terms:
            more = term.put(figures, term.usual + 1.0)
            changed = model.repriced(more.profile, more.framework)
            columns.append(_rank_seconds(changed, units, ledger) - base)
        amounts = np.stack(columns, axis=-1).swapaxes(0, 1)
        kept = [i for i, name in enumerate(names) if any(name in part for part in _PARTS)]
        part = [next(i for i, of in enumerate(_PARTS) if names[at] in of) for at in kept]
        return cls(np.maximum(amounts[kept], 0.0), np.array(part))

    def with_terms(self, at: Sequence[int], other: PricedPlan) -> PricedPlan:
        """With the amounts of some terms, by position, as another pricing of the plan has them."""
        amounts = self.amounts.copy()
        amounts[..., at] = other.amounts
        return replace(self, amounts=amounts)

    def rows(self, values: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(parts, K): of each phase the amounts of the rank that is slowest by these values.

        Without any values, of each term those of the rank with most of it.
        """
        if values is None:
            slowest = self.amounts.max(axis=1)
        else:
            rank = (self.amounts @ values).argmax(axis=1)
            slowest = self.amounts[np.arange(len(rank)), rank]
        rows = np.zeros((len(PARTS), self.amounts.shape[2]))
        np.add.at(rows, self.part, slowest)
        return rows

    def part_seconds(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(parts,): each the sum of its phases' slowest ranks."""
        seconds: NDArray[np.float64] = self.rows(values) @ values
        return seconds


def _rank_seconds(model: AnalyticCostModel, units: Units, ledger: Ledger) -> NDArray[np.float64]:
    """(W, P)."""
    costs = model.unit_costs_of(units)
    load = ledger.by_rank(costs.load_seconds)
    if costs.spill_seconds.any():
        load += ledger.from_neighbours(costs.spill_seconds)
    constants = np.array([phase.constant_seconds for phase in model.phases])
    charges = model.charges(units.options).of_used.total_seconds
    found: NDArray[np.float64] = load + constants + charges
    return found
