"""A plan under other names for equal nodes and devices, so that least moves from an old one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.build_plan import build_plan
from shardplan.plan.decision import Decision
from shardplan.plan.diff.holdings import Holdings
from shardplan.plan.diff.relabelling import Relabelling
from shardplan.plan.planned import planned_tables
from shardplan.plan.predict import predict
from shardplan.plan.recover import decision_of
from shardplan.sharding.world import Extent
from shardplan.spec.objective import Objective
from shardplan.whatif.assignment import assign
from shardplan.whatif.breach import breaches_of
from shardplan.whatif.relocation import Relocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.predict import Prediction

_MOST_DEVICES = 4096
"""Beyond, a number for each pair of devices takes too much memory."""
_MOST_PAIRED = 4096
"""Nodes over all rounds of pairing them again, which mostly are few: 32 rounds of 128 nodes."""
_LONGER_BY_AT_MOST = 1e-3
"""Of the objective: the last row blocks are smaller, so that names matter a little."""


def relabel(old: Plan, new: Plan, case: Case) -> tuple[Plan, Relabelling | None]:
    """The plan ``new`` of ``case`` with its ranks named so that least moves from ``old``.

    See ``under_other_names``. None where no other names move less.
    """
    decisions = decisions_in(new, case)
    if not decisions or old.local_world_size != new.local_world_size:
        return new, None
    relocation = Relocation.of(old, case)
    found = under_other_names(relocation, decisions, lambda: predict(case, decisions))
    if found is None:
        return new, None
    return _written(new, case, found), found.relabelling


@dataclass(frozen=True, slots=True)
class Renamed:
    """Decisions under other names of ranks."""

    decisions: tuple[Decision, ...]
    prediction: Prediction
    relabelling: Relabelling


def under_other_names(
    relocation: Relocation, decisions: Sequence[Decision], was: Callable[[], Prediction]
) -> Renamed | None:
    """Decisions, one per table of the case, with ranks named so that least moves; None where no
    other names move less.

    Nodes take each other's place, and devices of a node, where the topology and the constraints do
    not tell them apart; tables cut by rows over all of them stay in order, as the runtime demands,
    and column blocks of equal width are dealt to the same places in another order. What is found is
    as legal, fits, and costs the same but for row blocks of unequal size. ``was`` predicts the
    decisions as they are.
    """
    case = relocation.case
    each = case.topology.devices_per_node
    if case.topology.world_size > _MOST_DEVICES or relocation.old_devices_per_node != each:
        return None
    as_written = int(relocation.moved_bytes(decisions).sum())
    if not as_written:
        return None
    names = _Kept.of(relocation, decisions).names(*_colours(case))
    renamed = tuple(map(relocation.ordered, _renamed(decisions, names.tolist(), case)))
    if relocation.moved_bytes(renamed).sum() >= as_written:
        return None
    prediction = predict(case, renamed)
    limit = _objective(case, was()) * (1 + _LONGER_BY_AT_MOST)
    if _objective(case, prediction) > limit or breaches_of(case, prediction.rank_memory_bytes):
        return None
    return Renamed(renamed, prediction, Relabelling(tuple(names.tolist()), as_written))


def decisions_in(plan: Plan, case: Case) -> list[Decision]:
    """One per table of the case; none at all where the plan lacks a table or is not legal."""
    planned = planned_tables(plan, case.workload)
    found = [decision_of(each, case.topology.world) for each in planned]
    decisions = [each for each in found if isinstance(each, Decision)]
    return decisions if len(decisions) == len(case.workload.tables) else []


def _renamed(decisions: Sequence[Decision], names: list[int], case: Case) -> Iterator[Decision]:
    """The same on ranks of other names, and on the nodes that these make up."""
    each = case.topology.devices_per_node
    by_extent = {Extent.DEVICE: names, Extent.NODE: [name // each for name in names[::each]]}
    for decision in decisions:
        of_place = by_extent.get(decision.sharding.lands)
        if of_place is None:
            yield decision
        else:
            yield replace(decision, targets=tuple(of_place[place] for place in decision.targets))


def _objective(case: Case, prediction: Prediction) -> float:
    is_balance = case.objective is Objective.BALANCE
    return prediction.balance_seconds if is_balance else prediction.step_seconds


def _written(plan: Plan, case: Case, found: Renamed) -> Plan:
    claim = plan.optimality.reaching(_objective(case, found.prediction))
    built = build_plan(case, found.decisions, found.prediction, claim, plan.solver, plan.run)
    changed = {"plan": built.plan, "prediction": built.prediction, "optimality": claim}
    return plan.model_copy(update=changed)


def _colours(case: Case) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(W,) and (N,): equal numbers for devices, and for nodes, that nothing tells apart."""
    world = case.topology.world_size
    marks = [case.topology.network.colours[:world]]
    for constraint in case.constraints:
        open_ranks = constraint.open_ranks(case.topology.world)
        if open_ranks is not None:
            marks.append(np.isin(np.arange(world), open_ranks).astype(np.int64))
    devices = np.unique(np.stack(marks), axis=1, return_inverse=True)[1].reshape(-1)
    of_node = np.sort(devices.reshape(case.topology.nodes, -1), axis=1)
    return devices, np.unique(of_node, axis=0, return_inverse=True)[1].reshape(-1)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Bytes that stay where they are when a place of the new plan gets the name of an old one.

    What lies on all devices at once stays or moves whatever the names are, and is left out.
    """

    device: NDArray[np.int64]
    """(W, W): old device, new device."""
    node: NDArray[np.int64]
    """(N, N): of what is spread over whole nodes."""

    @classmethod
    def of(cls, relocation: Relocation, decisions: Sequence[Decision]) -> _Kept:
        """Count every column block at whichever place of its table it would keep most."""
        world, holdings = relocation.case.topology.world, relocation.holdings
        found = {extent: np.zeros((world.count_of(extent),) * 2, dtype=np.int64)
                 for extent in (Extent.DEVICE, Extent.NODE)}  # fmt: skip
        is_everywhere = holdings.is_replicated & (holdings.counts >= world.size)
        alike: dict[tuple[Extent, int], list[Decision]] = {}
        for each in decisions:
            if each.sharding.lands in found and not is_everywhere[each.table]:
                alike.setdefault((each.sharding.lands, len(each.targets)), []).append(each)
        for (extent, units), those in alike.items():
            kept = found[extent]
            for some in relocation.in_parts(those, units * len(kept)):
                chosen = [those[number] for number in some.tolist()]
                by_block = _kept_by_block(relocation, chosen, extent)
                best_first = np.cumsum(-np.sort(-by_block, axis=1), axis=1)
                targets = np.array([each.targets for each in chosen], dtype=np.int64)
                targets += np.arange(len(chosen))[:, None] * len(kept)
                pairs, counts = np.unique(targets, return_counts=True)
                number, place = np.divmod(pairs, len(kept))
                np.add.at(kept.T, place, best_first[number, counts - 1])
        return cls(found[Extent.DEVICE], found[Extent.NODE])

    def names(
        self, device_colour: NDArray[np.int64], node_colour: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(W,): what each new rank is called, for the most bytes kept; its own name among equals.

        Nodes are paired by what their devices keep at most, each device by itself. Pairs that are
        chosen are then counted exactly, and paired again, until all that are chosen are: such names
        are the best.
        """
        world, count = len(self.device), len(self.node)
        each = world // count
        # Of names that keep the same bytes, those that change fewest win.
        device = self.device * (world + 1) + np.eye(world, dtype=np.int64)
        blocks = device.reshape(count, each, count, each).swapaxes(1, 2)
        most = np.minimum(blocks.max(axis=3).sum(axis=2), blocks.max(axis=2).sum(axis=2))
        most += self.node * (world + 1)
        colours = device_colour.reshape(count, each)
        inner: dict[tuple[int, int], NDArray[np.int64]] = {}
        for _ in range(max(2, _MOST_PAIRED // count)):
            olds = _assign_alike(most, node_colour, node_colour)
            pairs = list(zip(olds.tolist(), range(count), strict=True))
            unknown = [pair for pair in pairs if pair not in inner]
            for old, new in unknown:
                block = blocks[old, new]
                found = _assign_alike(block, colours[old], colours[new])
                inner[old, new] = found
                kept = int(block[found, np.arange(each)].sum())
                most[old, new] = kept + int(self.node[old, new]) * (world + 1)
            if not unknown:
                break
        named = [old * each + inner[old, new] for old, new in pairs]
        return np.concatenate(named)


def _kept_by_block(
    relocation: Relocation, decisions: Sequence[Decision], extent: Extent
) -> NDArray[np.int64]:
    """(decisions, blocks, places): what each old device, or node, has of each column block of
    tables that have equally many."""
    case, world = relocation.case, relocation.case.topology.world
    each, units = world.devices_of(extent), len(decisions[0].targets)
    # Each block at a place of its own, whatever the number of places: ranks tell the blocks.
    apart = [replace(decision, targets=tuple(range(units))) for decision in decisions]
    new = Holdings.of_decisions(apart, case)
    table = np.array([decision.table for decision in decisions])
    old = relocation.holdings.take(table)
    met = old.overlaps(new)
    source, target = old.rank[met.mine], new.rank[met.theirs]
    number = new.table[met.theirs]
    rows, columns = met.shape.T
    stored = relocation.stored_bytes(rows, columns, table[number])
    found = np.zeros((len(decisions), units, world.count_of(extent)), dtype=np.int64)
    stays = (source < world.size) & (source % each == target % each)
    where = number[stays], target[stays] // each, source[stays] // each
    np.add.at(found, where, stored[stays])
    return found


def _assign_alike(
    gain: NDArray[np.int64], old_colour: NDArray[np.int64], new_colour: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(N,): the row for each column that gains most, each of the column's own colour."""
    found = np.zeros(len(gain), dtype=np.int64)
    for colour in np.unique(new_colour):
        olds, news = np.flatnonzero(old_colour == colour), np.flatnonzero(new_colour == colour)
        found[news] = olds[assign(gain[np.ix_(olds, news)])]
    return found
