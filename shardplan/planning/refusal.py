"""Why a case has no plan, as far as that can be told before anything is solved."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import TIERS
from shardplan.errors import Infeasible, Shortfall
from shardplan.options.crowd import too_close
from shardplan.options.dynamic_shares import PooledShares
from shardplan.options.refused import refused_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.options.items import Items
    from shardplan.options.offer import Offer
    from shardplan.solve.problem.problem import Problem
    from shardplan.workload.workload import Workload

PLACES = ("device", "node", "node")
"""Whose each of ``TIERS`` is."""
_WAYS = "legal ways to shard it"
_OTHER_CONSTRAINTS = "allow more sharding types, kernels or ranks in the constraints on it"
_MOST_NODES = 1000
"""Beyond this many times the nodes, more of them are no advice."""
_MOST_NAMES = 8
"""Tables of a group that messages name."""
_MOST_SHORTFALLS = 20
"""Shortfalls named one by one."""


def refuse(shortfalls: Sequence[Shortfall]) -> None:
    """Raise Infeasible if there are any; of very many, the first few and how many more."""
    if len(shortfalls) > _MOST_SHORTFALLS:
        more = len(shortfalls) - _MOST_SHORTFALLS
        last = replace(
            shortfalls[_MOST_SHORTFALLS],
            subject=f"and {more} more, among them {shortfalls[_MOST_SHORTFALLS].subject}",
        )
        shortfalls = [*shortfalls[:_MOST_SHORTFALLS], last]
    if shortfalls:
        raise Infeasible(shortfalls)


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
        for number, (tier, place) in enumerate(zip(TIERS, PLACES, strict=True))
        if base[number] > usable[number]
    ]


def without_option(
    case: Case, items: Items, offer: Offer, table: NDArray[np.int32]
) -> list[Shortfall]:
    """The items that no option of ``table`` (options,) belongs to, and the rules that say so."""
    missing = np.setdiff1d(np.arange(len(items.tables)), items.of_table[table]).tolist()
    told = [_ruled_out(case, items, offer, item) for item in missing[: _MOST_SHORTFALLS + 1]]
    workload = case.workload
    return told + [
        Shortfall(items.label(item, workload), _WAYS, 1, 0, "count", _OTHER_CONSTRAINTS)
        for item in missing[_MOST_SHORTFALLS + 1 :]
    ]


def _ruled_out(case: Case, items: Items, offer: Offer, item: int) -> Shortfall:
    """What forbids each way to shard one item."""
    workload = case.workload
    tables = [(index, workload.tables[index]) for index in items.tables[item][:_MOST_NAMES]]
    world = case.topology.world
    dynamic = PooledShares.of(workload, world).kernels
    refused = refused_tables(tables, case.constraints, world, offer, workload.training, dynamic)
    alone = len(items.tables[item]) == 1
    reasons = [
        reason if alone else f"{each.table.label}: {reason}"
        for each in refused
        if not each.possible()
        for reason in each.reasons()
    ]
    remedies = [words for each in refused if not each.possible() for words in each.remedies()]
    if not reasons:
        for each in refused:
            kinds = ", ".join(map(str, each.possible()))
            reasons.append(f"{each.table.label} can be {kinds}")
        joined = [
            one.named
            for one in case.constraints
            if one.together and items.tables[item][0] in one.tables
        ]
        if workload.tables[items.tables[item][0]].dynamic:
            joined.append("their container")
        names = " and ".join(joined)
        reasons.append(f"{names} keeps them together, so that all have to be cut alike")
    remedy = "; ".join(dict.fromkeys(remedies)) or _OTHER_CONSTRAINTS
    label = items.label(item, workload)
    return Shortfall(label, _WAYS, 1, 0, "count", remedy, tuple(reasons))


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
                workload.tables[table].label
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
    owned = list(zip(TIERS, PLACES, strict=True))
    resources = [f"{tier} of one {place}" for tier, place in owned]
    resources += [f"{tier} of all {place}s" for tier, place in owned]
    return resources, np.maximum(needs - offers, 0.0), needs, offers
