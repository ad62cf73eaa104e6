"""Why no plan can exist, in numbers: what is short, and by how much at least."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import TIERS
from shardplan.errors import Shortfall
from shardplan.options.crowd import too_close
from shardplan.solve.exact.assignment import assignment
from shardplan.solve.exact.missing_memory import missing_in_total
from shardplan.solve.program.answer import Limits, Status
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.formulate import Formulation
    from shardplan.options.items import Items
    from shardplan.solve.problem.problem import Problem
    from shardplan.workload.workload import Workload

_PACKING_SECONDS, _PACKING_GAP = 20.0, 1e-3
"""How long to look for the least room that devices lack; the figure is a lower bound throughout."""
_PLACES = ("device", "node", "node")
"""Whose each of ``TIERS`` is."""
_MOST_NODES = 1000
"""Beyond this many times the nodes, more of them are no advice."""
_MOST_NAMES = 8
"""Tables of a group that messages name."""


def crowded_out(case: Case) -> list[Shortfall]:
    """The tiers that are full before any table is placed: dense model, activations, buffers."""
    base, usable = case.capacity.base_bytes, case.capacity.usable_bytes
    return [
        Shortfall(
            "the dense model with the activations and buffers of the batch",
            f"{tier} of one {place}",
            float(base[number]),
            float(usable[number]),
            "bytes",
            "a smaller batch, a smaller reserve, or larger devices",
        )
        for number, (tier, place) in enumerate(zip(TIERS, _PLACES, strict=True))
        if base[number] > usable[number]
    ]


def too_many_bytes(problem: Problem) -> list[Shortfall]:
    """Whether all tables need more bytes, each in its leanest option, than there are in all."""
    total = problem.total_device_bytes.sum(axis=1) + problem.total_node_bytes.sum(axis=1)
    needs = float(np.minimum.reduceat(total, problem.option_offsets[:-1]).sum())
    offers = float(problem.device_capacity.sum() + problem.node_capacity.sum())
    if needs <= offers:
        return []
    resource = "the memory of all devices and nodes, after reserve"
    remedy = "more nodes, lower precision, or a leaner optimizer"
    return [Shortfall("all tables", resource, needs, offers, "bytes", remedy)]


def oversized(
    workload: Workload, items: Items, problem: Problem, fits: NDArray[np.bool_]
) -> list[Shortfall]:
    """What the items lack of which no option ``fits`` (O,) even an otherwise empty cluster.

    Of each, the option that is nearest to fitting counts, and the tier of which it lacks most.
    """
    resources, over, needs, offers = _demands(problem)
    found = []
    for item in np.flatnonzero(~np.logical_or.reduceat(fits, problem.option_offsets[:-1])).tolist():
        options = np.array(problem.options_of(item))
        option = options[over[options].sum(axis=1).argmin()]
        tier = int(over[option].argmax())
        found.append(
            Shortfall(
                items.label(item, workload),
                resources[tier],
                float(needs[option, tier]),
                float(offers[tier]),
                "bytes",
                _remedy_for_one(problem, tier, float(needs[option, tier] / max(offers[tier], 1.0))),
            )
        )
    return found


def _remedy_for_one(problem: Problem, tier: int, ratio: float) -> str:
    """What helps an item that needs ``ratio`` times what there is of a resource of ``_demands``."""
    in_total = tier >= problem.device_bytes.shape[1] + problem.node_bytes.shape[1]
    if in_total and ratio < _MOST_NODES:
        nodes = ceil(problem.node_count * ratio)
        return f"{nodes} nodes instead of {problem.node_count}, lower precision, a leaner optimizer"
    return "allow it to be split over more devices, lower the reserve, or use larger devices"


def crowded_apart(workload: Workload, items: Items, problem: Problem) -> list[Shortfall]:
    """Groups of items to be kept apart that have too few devices between them (Hall's condition).

    An item takes as many devices as its least spread option; its domain says which may be taken.
    """
    least = np.minimum.reduceat(problem.units * problem.width, problem.option_offsets[:-1])
    domains = problem.domains[problem.domain[problem.option_offsets[:-1]]]
    found = []
    for group in problem.apart:
        crowd = group[too_close(least[group], domains[group])]
        if len(crowd):
            names = [
                workload.tables[table].name
                for item in crowd.tolist()
                for table in items.tables[item]
            ]
            named = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
            found.append(
                Shortfall(
                    f"tables {named} (apart)",
                    "devices",
                    int(least[crowd].sum()),
                    int(domains[crowd].any(axis=0).sum()),
                    "count",
                    "keep fewer of them apart, or allow them more ranks",
                )
            )
    return found


def _demands(
    problem: Problem,
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Resources; (O, resources) bytes over each and needed; (resources,) bytes offered."""
    needs = np.hstack(
        [
            problem.device_bytes,
            problem.node_bytes,
            problem.total_device_bytes,
            problem.total_node_bytes,
        ]
    )
    offers = np.concatenate(
        [
            problem.device_capacity.max(axis=0),
            problem.node_capacity.max(axis=0),
            problem.device_capacity.sum(axis=0),
            problem.node_capacity.sum(axis=0),
        ]
    )
    owned = list(zip(TIERS, _PLACES, strict=True))
    resources = [f"{tier} of one {place}" for tier, place in owned]
    resources += [f"{tier} of all {place}s" for tier, place in owned]
    return resources, np.maximum(needs - offers, 0.0), needs, offers


def shortfalls(case: Case, formulation: Formulation) -> list[Shortfall]:
    """What an infeasible case lacks: memory in total, or else room on single devices.

    The figures are the least over all ways to shard, so that adding less cannot help.
    """
    problem = formulation.problem
    missing = missing_in_total(problem)
    of_tiers = np.concatenate([missing.device_bytes, missing.node_bytes]).tolist()
    found = [
        _total(short, _capacity(problem, tier), case, tier)
        for tier, short in enumerate(of_tiers)
        if short
    ]
    return found or _packing(case, problem)


def _capacity(problem: Problem, tier: int) -> NDArray[np.float64]:
    """(places,): bytes of one of ``TIERS`` on each device, or each node."""
    return problem.node_capacity[:, tier - 1] if tier else problem.device_capacity[:, 0]


def _total(missing: float, capacity: NDArray[np.float64], case: Case, tier: int) -> Shortfall:
    offers = float(capacity.sum())
    return Shortfall(
        "all tables",
        f"{TIERS[tier]} of all {_PLACES[tier]}s",
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


def _packing(case: Case, problem: Problem) -> list[Shortfall]:
    """The totals suffice, but the units do not pack into the devices, or may not meet on them.

    One tier is short where more of it alone would do; all are where only more of each would.
    """
    rows = (("device_memory", 0), ("node_memory", 0), ("node_memory", 1))
    there = [tier for tier in range(len(TIERS)) if _capacity(problem, tier).any()]
    for short in (*((tier,) for tier in there), there):
        model = assignment(problem, elastic=[rows[tier] for tier in short])
        answer = solve_program(
            model.program, Limits.within(_PACKING_SECONDS, relative_gap=_PACKING_GAP)
        )
        if answer.status is not Status.INFEASIBLE:
            share = max(answer.bound, 0.0)
            return [_missing_room(case, tier, _capacity(problem, tier), share) for tier in short]
    return [
        Shortfall(
            "all tables",
            "ranks that the constraints leave them",
            1,
            0,
            "count",
            "relax the constraints on ranks, or on tables kept apart",
        )
    ]


def _missing_room(case: Case, tier: int, capacity: NDArray[np.float64], share: float) -> Shortfall:
    """On the fullest device or node, which lacks at least ``share`` of what it offers."""
    offers = float(capacity.max())
    missing = share * offers
    places = len(capacity)
    return Shortfall(
        f"the fullest {_PLACES[tier]}, however the tables are packed",
        TIERS[tier],
        offers + missing,
        offers,
        "bytes",
        _remedy(case, missing * places, offers * places, tier),
    )
