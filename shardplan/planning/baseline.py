"""The published baselines on a case: whole tables in HBM, greedily or by differencing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import NoPlanFound
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.baselines.published import (
    GreedyCost,
    greedy_costs,
    place_by_differencing,
    place_greedily,
)
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.problem.placement import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.deadline import Deadline

_FP32_BYTES = 4
_LARGEST_DIFFERENCING = 12_000_000
"""Tables times devices up to which differencing takes about half a second."""
_MANY_TABLES = 10_000
"""Up to which all baselines together take less than a second; beyond, a first plan in two tiers is
worth having before anything is searched for."""
_FILLING = 0.95
"""Of all HBM, what such a plan fills: a little less than all, for whole tables do not pack."""


def baseline_placement(case: Case, formulation: Formulation, kind: GreedyCost) -> Placement:
    """Place every table whole, as published: fp32 weights alone count against the capacity.

    The constraints of the spec are unknown to the baselines. Raises NoPlanFound where a table fits
    nowhere, or may not be placed whole in HBM.
    """
    option = _whole_table_options(formulation)
    tables = case.workload.tables
    rows = np.array([table.rows for table in tables], dtype=np.float64)
    dims = np.array([table.dim for table in tables], dtype=np.float64)
    poolings = np.array([table.ids_per_sample for table in tables])
    sizes = rows * dims * _FP32_BYTES
    capacity = np.full(case.topology.world_size, case.capacity.usable_bytes[0])
    device = place_greedily(greedy_costs(kind, rows, dims, poolings, sizes), sizes, capacity)
    return Placement.of_single_units(option, device)


def baseline_starts(
    case: Case, formulation: Formulation, deadline: Deadline = ENDLESS
) -> Iterator[Placement]:
    """The plans of all baselines that have one, each worked out when it is asked for; of more than
    ``_MANY_TABLES``, after the deadline the first of them alone."""
    is_first, are_many = True, formulation.problem.item_count > _MANY_TABLES
    for kind in GreedyCost:
        if not is_first and are_many and deadline.is_over:
            return
        with suppress(NoPlanFound):
            yield baseline_placement(case, formulation, kind)
            is_first = False
    problem = formulation.problem
    if problem.item_count * problem.device_count <= _LARGEST_DIFFERENCING:
        with suppress(NoPlanFound):
            yield placement_by_differencing(formulation)
    if problem.item_count > _MANY_TABLES:
        with suppress(NoPlanFound):
            yield _over_two_tiers(formulation)


def placement_by_differencing(formulation: Formulation) -> Placement:
    """Whole tables by largest differencing of their seconds.

    Raises NoPlanFound where a table fits nowhere, or may not be placed whole in HBM.
    """
    problem, option = formulation.problem, _whole_table_options(formulation)
    seconds = problem.load_seconds[option].sum(axis=1)
    device = place_by_differencing(
        seconds, problem.device_bytes[option, 0], problem.device_capacity[:, 0]
    )
    return Placement.of_single_units(option, device)


def _over_two_tiers(formulation: Formulation) -> Placement:
    """Whole tables: in HBM those that gain most by it for each byte, as far as there is room, all
    others in DDR. Raises NoPlanFound where all find room in HBM, or some in neither.

    A first plan of very many tables, for which larger ways to find one take minutes.
    """
    problem = formulation.problem
    near = _whole_table_options(formulation)
    far = _whole_table_options(formulation, Kernel.FUSED_UVM)
    hbm = problem.device_bytes[:, 0]
    room = _FILLING * problem.device_capacity[:, 0].sum() - hbm[far].sum()
    more = np.maximum(hbm[near] - hbm[far], 1.0)
    seconds = problem.load_seconds.sum(axis=1)
    order = np.argsort(-(seconds[far] - seconds[near]) / more, kind="stable")
    is_near = np.zeros(len(near), dtype=bool)
    is_near[order] = np.cumsum(more[order]) <= room
    if is_near.all():
        raise NoPlanFound("all tables find room in HBM")
    option = np.where(is_near, near, far)
    device = place_greedily(seconds[option], hbm[option], problem.device_capacity[:, 0])
    return Placement.of_single_units(option, device)


def _whole_table_options(
    formulation: Formulation, wanted: Kernel = Kernel.FUSED
) -> NDArray[np.int64]:
    """(I,): each item's table-wise option with a kernel, in HBM unless another one is wanted;
    raises NoPlanFound where an item has none."""
    options = formulation.options
    whole = options.has_type(lambda kind: kind is ShardingType.TABLE_WISE)
    whole &= options.has_kernel(lambda kernel: kernel is wanted)
    chosen = np.flatnonzero(whole[formulation.members[:, 0]])
    item = formulation.problem.item_of_option[chosen]
    if len(formulation.items.tables) < len(formulation.items.of_table) or not np.array_equal(
        item, np.arange(formulation.problem.item_count)
    ):
        raise NoPlanFound(
            "the greedy baselines place every table whole in HBM and alone; "
            "this spec does not let them"
        )
    return chosen
