"""From a case to the arrays that the solvers see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.bulk import in_bulk
from shardplan.options.dynamic_shares import PooledShares
from shardplan.options.enumerate import graded_options
from shardplan.options.items import Items, group_items, item_options
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.formulation import Formulation
from shardplan.planning.offered import offer_of
from shardplan.planning.option_costs import OptionCosts, fullest_blocks, mean_seconds, option_costs
from shardplan.planning.pace import Pace
from shardplan.planning.refusal import (
    crowded_apart,
    crowded_out,
    oversized,
    refuse,
    too_many_bytes,
    without_option,
)
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.problem.charges import Charges as ProblemCharges
from shardplan.solve.problem.objective import ChainObjective
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.problem.variants import take
from shardplan.solve.search.search_params import SharedParams
from shardplan.spec.objective import Objective
from shardplan.workload.dynamic.containers import containers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.cost.cost_model import Charges
    from shardplan.options.option_set import OptionSet
    from shardplan.solve.deadline import Deadline

_USUAL = SharedParams()
_SHAPES = {Extent.DEVICE: Shape.DEVICE, Extent.NODE: Shape.NODE, Extent.WORLD: Shape.ALL}


@in_bulk()
def formulate(
    case: Case, deadline: Deadline = ENDLESS, params: SharedParams = _USUAL
) -> Formulation:
    """Enumerate the options of a case and cost them.

    Column shards of a module that does not pool have one width; the finest, where the case leaves
    it open.

    Raises Infeasible where a table has no option at all, or none that fits an empty device, and
    NoPlanFound or Interrupted when the deadline comes first.
    """
    refuse(crowded_out(case))
    case = of_one_width(case)
    pace = Pace(deadline, params)
    pace.heed(len(case.workload.tables))
    world = case.topology.world
    offer = offer_of(case)
    pooled = PooledShares.of(case.workload, world)
    options, grading = graded_options(
        case.workload, world, case.constraints, offer, pace.params.most_options
    )
    tables = case.workload.tables
    pace.heed(len(tables))
    items = group_items(len(tables), case.constraints, containers(tables))
    members = item_options(options, items)
    refuse(without_option(case, items, offer, options.table[members[:, 0]]))
    charged = case.cost_model.charges(options)
    problem, names = _problem(case, options, items, members, charged, pooled, pace)
    is_chosen = any(constraint.is_choice for constraint in case.constraints)
    if is_chosen or not grading.is_complete:
        problem = replace(problem, is_partial=True)
    pace.heed(len(case.workload.tables))
    fits = _fits_alone(problem)
    if not fits.all():
        large = oversized(case.workload, items, problem, fits)
        refuse([*too_many_bytes(problem), *large] if large else [])
        useful = _may_be_used(problem, fits)
        members, problem = members[useful], take(problem, useful)
    refuse(crowded_apart(case.workload, items, problem))
    blocks = {
        table: constraint.pins.column_blocks
        for constraint in case.constraints
        for table in constraint.tables
        if constraint.pins.column_blocks
    }
    return Formulation(problem, options, items, members, names, pooled, blocks)


def _set_aside(charged: Charges, options: OptionSet, tables: int) -> NDArray[np.float64]:
    """(3,): room on every device for copies of hot rows whose tables lie on some: for as many of
    each table as any of its options keeps."""
    most = np.zeros((tables, charged.memory_bytes.shape[1]))
    np.maximum.at(most, options.table, charged.bytes_of_options)
    summed: NDArray[np.float64] = most.sum(axis=0)
    return summed


def _problem(
    case: Case,
    options: OptionSet,
    items: Items,
    members: NDArray[np.int64],
    charged: Charges,
    pooled: PooledShares,
    pace: Pace,
) -> tuple[Problem, tuple[str, ...]]:
    """The problem, and what the groups are called that it charges for."""
    first = members[:, 0]
    is_balance = case.objective is Objective.BALANCE
    stages = case.step.balance_stages if is_balance else case.step.stages
    costs, average_seconds = _costs(case, options, members, stages.of_phase, pace)
    shape = SHARDING_TYPES.each(lambda kind: _SHAPES[kind.lands], options.sharding[first])
    shape = shape.astype(np.int8)
    devices, per_node = case.topology.world_size, case.topology.devices_per_node
    touched = np.where(shape == Shape.DEVICE, 1, per_node)
    aside = _set_aside(charged, options, len(case.workload.tables))
    capacity = (case.capacity.free_bytes - aside).clip(min=0.0)
    domain, domains = _domains(case, items, options.table[first])
    node_bytes = costs.memory_bytes[:, 1:]
    if pooled.containers:
        spare = _joint(pooled.spare_bytes(options)[:, None], members)
        node_bytes = np.column_stack([node_bytes[:, :1] + spare, node_bytes[:, 1:]])
    counts = np.bincount(items.of_table[options.table[first]], minlength=len(items.tables))
    charges, names = _charges(charged, members, stages.of_phase)
    problem = Problem(
        option_offsets=np.concatenate([[0], np.cumsum(counts)]),
        shape=shape,
        units=options.units[first].astype(np.int64),
        load_seconds=costs.load_seconds,
        device_bytes=costs.memory_bytes[:, :1],
        node_bytes=node_bytes * touched[:, None],
        device_capacity=np.tile(capacity[:1], (devices, 1)),
        node_capacity=np.tile(capacity[1:], (case.topology.nodes, 1)),
        objective=ChainObjective(stages.in_chain, stages.chain_seconds, charges),
        domain=domain,
        domains=domains,
        apart=items.apart,
        blend=_blends(case, options, members, pooled),
        spill_seconds=costs.spill_seconds,
        mean_seconds=average_seconds,
        fullest=_of_item(fullest_blocks(case, options), members),
    )
    return problem, names


def _charges(
    found: Charges, members: NDArray[np.int64], of_phase: NDArray[np.float64]
) -> tuple[ProblemCharges | None, tuple[str, ...]]:
    """What stages are charged once for groups of options, and their names; None where nothing is.

    An item pays for the groups of all its tables.
    """
    seconds = found.seconds @ of_phase
    kept = np.flatnonzero(seconds.any(axis=1))
    if not len(kept):
        return None, ()
    of_member = found.of_option[:, kept][members] & (members >= 0)[:, :, None]
    names = tuple(found.names[group] for group in kept.tolist())
    return ProblemCharges(np.logical_or.reduce(of_member, axis=1), seconds[kept]), names


def _costs(
    case: Case,
    options: OptionSet,
    members: NDArray[np.int64],
    of_phase: NDArray[np.float64],
    pace: Pace,
) -> tuple[OptionCosts, NDArray[np.float64]]:
    """What a unit of each option of the problem costs, summed over an item's tables.

    And (options of the problem, S) what the devices that a unit lands on bear of it on average;
    (0,) where all of them bear the same.

    On average as if all row blocks were read alike.
    """
    uneven = [table.is_uneven for table in case.workload.tables]
    cut = options.has_type(lambda kind: kind.cuts_rows) & np.array(uneven)[options.table]
    if not cut.any():
        return _joint_costs(option_costs(case, options, pace, of_phase), members), np.zeros(0)
    each_phase = np.eye(len(of_phase))
    costs = option_costs(case, options, pace, each_phase)
    alike = mean_seconds(case, options, pace, len(of_phase))
    mean = np.where(cut[:, None], np.minimum(alike, costs.load_seconds), costs.load_seconds)
    joint = _joint_costs(costs, members)
    average: NDArray[np.float64] = _joint(mean, members) @ of_phase
    found = OptionCosts(
        joint.load_seconds @ of_phase, joint.spill_seconds @ of_phase, joint.memory_bytes
    )
    return found, average


def _of_item(fullest: NDArray[np.int64], members: NDArray[np.int64]) -> NDArray[np.int64]:
    """(options of the problem,): the fullest block of an item's tables; -1 where they differ."""
    own = np.where(members >= 0, fullest[members], fullest[members[:, :1]])
    return np.where((own == own[:, :1]).all(axis=1), own[:, 0], -1)


def _blends(
    case: Case, options: OptionSet, members: NDArray[np.int64], pooled: PooledShares
) -> NDArray[np.int64]:
    """(options,): those of one number can be mixed; only what the cost model lets be mixed can."""
    if not (
        case.cost_model.mixes_caches and options.has_kernel(lambda kernel: kernel.caches).any()
    ):
        return np.arange(len(members))
    of_option = options.blends()
    if (exact := pooled.is_exact_part(options)).any():
        of_option = np.where(exact, len(options) + np.arange(len(options)), of_option)
    numbers = np.where(members >= 0, of_option[members], -1)
    # Rows of one number each, as almost always, are told apart many times faster as plain numbers.
    rows, axis = (numbers[:, 0], None) if numbers.shape[1] == 1 else (numbers, 0)
    _, blend = np.unique(rows, axis=axis, return_inverse=True)
    return blend.reshape(-1).astype(np.int64)


def _joint_costs(costs: OptionCosts, members: NDArray[np.int64]) -> OptionCosts:
    """What a unit of each option of the problem costs, summed over an item's tables."""
    if members.shape[1] == 1 and np.array_equal(members[:, 0], np.arange(len(members))):
        return costs
    return OptionCosts(
        _joint(costs.load_seconds, members),
        _joint(costs.spill_seconds, members),
        _joint(costs.memory_bytes, members),
    )


def _joint(per_option: NDArray[np.float64], members: NDArray[np.int64]) -> NDArray[np.float64]:
    """(options of the problem, K): ``per_option`` summed over an item's tables."""
    counts = (members >= 0).sum(axis=1)
    joined = np.flatnonzero(counts > 1)
    summed = per_option[members[:, 0]]
    if len(joined):
        together = members[joined]
        starts = np.cumsum(counts[joined]) - counts[joined]
        summed[joined] = np.add.reduceat(per_option[together[together >= 0]], starts, axis=0)
    return summed


def _domains(
    case: Case, items: Items, table: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each option's units may land: (options,) rows of a (n, D) mask of devices."""
    devices = np.arange(case.topology.world_size)
    masks: dict[int, NDArray[np.bool_]] = {}
    for constraint in case.constraints:
        open_ranks = constraint.open_ranks(case.topology.world)
        if open_ranks is not None:
            allowed = np.isin(devices, open_ranks)
            for item in items.of_table[list(constraint.tables)].tolist():
                masks[item] = masks.get(item, np.ones(len(devices), dtype=bool)) & allowed
    everywhere = np.ones(len(devices), dtype=bool)
    domains = {everywhere.tobytes(): 0}
    of_item = np.zeros(len(items.tables), dtype=np.int64)
    for item, mask in masks.items():
        of_item[item] = domains.setdefault(mask.tobytes(), len(domains))
    rows = [np.frombuffer(key, dtype=bool) for key in domains]
    return of_item[items.of_table[table]], np.array(rows)


def _fits_alone(problem: Problem) -> NDArray[np.bool_]:
    """(O,): whether an option fits an otherwise empty cluster."""
    device = (problem.device_bytes <= problem.device_capacity.max(axis=0)).all(axis=1)
    node = (problem.node_bytes <= problem.node_capacity.max(axis=0)).all(axis=1)
    total = (problem.total_device_bytes <= problem.device_capacity.sum(axis=0)).all(axis=1)
    total &= (problem.total_node_bytes <= problem.node_capacity.sum(axis=0)).all(axis=1)
    fits: NDArray[np.bool_] = device & node & total
    return fits


def _may_be_used(problem: Problem, fits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(O,): the options that fit, and those that may have a part in a mix that does."""
    useful: NDArray[np.bool_] = np.isin(problem.blend, problem.blend[fits])
    return useful
