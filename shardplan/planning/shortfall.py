"""Why no plan can exist, in numbers: what is short, and by how much at least."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import TIERS
from shardplan.errors import Shortfall
from shardplan.planning.refusal import PLACES
from shardplan.solve.exact.assignment import assignment
from shardplan.solve.exact.missing_memory import missing_in_total, most_even_bytes
from shardplan.solve.program.answer import Limits, Status
from shardplan.solve.program.backend import solve_program
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.problem.problem import Problem

_PACKING_SECONDS = 20.0
"""How long to look for the least room that devices lack, tier by tier."""
_PACKING_GAP = 1e-3
"""To which that is told; the figure is a lower bound throughout."""
_RANKS_LEFT = Shortfall(
    "all tables",
    "ranks that the constraints leave them",
    1,
    0,
    "count",
    "relax the constraints on ranks, or on tables kept apart",
)
_WITHOUT_FIGURE = Shortfall(
    "all tables",
    "way to pack them into single devices and nodes, on the ranks that are left to them",
    1,
    0,
    "count",
    "relax the constraints, or give more memory; a longer --time-limit tells how much",
)
_TOTALS_SECONDS = 0.5
"""Beyond the deadline, for a linear program over totals: refusals without figures help nobody."""


def shortfalls(case: Case, problem: Problem, deadline: Deadline) -> list[Shortfall]:
    """What an infeasible case lacks: memory in total, or else room on single devices.

    The figures are the least over all ways to shard, so that adding less cannot help. Of room on
    single devices no figure is told where the ``deadline`` comes before one is found, but how full
    the fullest tier is in total.
    """
    missing = missing_in_total(problem, Limits(deadline.extended(_TOTALS_SECONDS)))
    of_tiers = np.concatenate([missing.device_bytes, missing.node_bytes]).tolist()
    found = [
        _total(short, _capacity(problem, tier), case, tier)
        for tier, short in enumerate(of_tiers)
        if short
    ]
    return found or _packing(case, problem, deadline)


def _capacity(problem: Problem, tier: int) -> NDArray[np.float64]:
    """(places,): bytes of one of ``TIERS`` on each device, or each node."""
    return problem.node_capacity[:, tier - 1] if tier else problem.device_capacity[:, 0]


def _total(missing: float, capacity: NDArray[np.float64], case: Case, tier: int) -> Shortfall:
    offers = float(capacity.sum())
    return Shortfall(
        "all tables",
        f"{TIERS[tier]} of all {PLACES[tier]}s",
        offers + missing,
        offers,
        "bytes",
        _remedy(case, missing, offers, tier),
    )


def _remedy(case: Case, missing: float, offers: float, tier: int) -> str:
    """More nodes, or less reserve where that is enough."""
    more = ceil(missing / max(offers / case.topology.nodes, 1.0))
    remedy = f"{more} more node{'s' if more > 1 else ''} of this kind"
    places = case.topology.world_size if tier == 0 else case.topology.nodes
    reserve, raw = case.capacity.reserve_bytes[tier], case.capacity.raw_bytes[tier]
    if missing < reserve * places:
        share = (reserve - missing / places) / raw
        remedy = (
            f"a reserve of {np.floor(share * 1000) / 10:g}% instead of {reserve / raw:.1%}; "
            f"or {remedy}"
        )
    return remedy


def _packing(case: Case, problem: Problem, deadline: Deadline) -> list[Shortfall]:
    """The totals suffice, but the units do not pack into the devices, or may not meet on them.

    One tier is short where more of it alone would do; all are where only more of each would.
    """
    rows = (("device_memory", 0), ("node_memory", 0), ("node_memory", 1))
    there = [tier for tier in range(len(TIERS)) if _capacity(problem, tier).any()]
    for short in (*((tier,) for tier in there), there):
        packing = deadline.within(_PACKING_SECONDS)
        if packing.is_over:
            return [_without_figure(problem, deadline)]
        model = assignment(problem, elastic=[rows[tier] for tier in short])
        answer = solve_program(model.program, Limits(packing, relative_gap=_PACKING_GAP))
        if answer.status is not Status.INFEASIBLE:
            share = max(answer.bound, 0.0)
            if not share:
                return [_without_figure(problem, deadline)]
            return [_missing_room(case, tier, _capacity(problem, tier), share) for tier in short]
    return [_RANKS_LEFT]


def _without_figure(problem: Problem, deadline: Deadline) -> Shortfall:
    """That it was proven, and which tier is the fullest."""
    needs = most_even_bytes(problem, Limits(deadline.extended(_TOTALS_SECONDS)))
    if needs is None:
        return _WITHOUT_FIGURE
    offers = np.array([_capacity(problem, tier).sum() for tier in range(len(TIERS))])
    fill = np.divide(needs, offers, out=np.zeros_like(needs), where=offers > 0)
    tier = int(fill.argmax())
    if fill[tier] > 1:
        return _WITHOUT_FIGURE
    least, most = format_bytes(needs[tier]), format_bytes(offers[tier])
    return replace(
        _WITHOUT_FIGURE,
        note=f"in total they fit: spread as evenly as can be, they take {least} of {most} of the "
        f"fullest, {TIERS[tier]} of all {PLACES[tier]}s ({fill[tier]:.1%})",
    )


def _missing_room(case: Case, tier: int, capacity: NDArray[np.float64], share: float) -> Shortfall:
    """On the fullest device or node, which lacks at least ``share`` of what it offers."""
    offers = float(capacity.max())
    missing = share * offers
    places = len(capacity)
    return Shortfall(
        f"the fullest {PLACES[tier]}, however the tables are packed",
        TIERS[tier],
        offers + missing,
        offers,
        "bytes",
        _remedy(case, missing * places, offers * places, tier),
    )
