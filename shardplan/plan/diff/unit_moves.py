"""What one unit of a table would fetch, for every device that it may land on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.diff.holding import Holding
from shardplan.plan.diff.moves import moves_between
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.diff.moves import Content


def moved_by_unit(
    decision: Decision, old: Holding, content: Content, case: Case
) -> NDArray[np.float64]:
    """(W,): bytes that each device lacks of a unit that lands there, of units the one it has most
    of.

    ``decision`` has one target for each unit, all of them different: they tell the units apart, and
    are no places.
    """
    topology = case.topology
    new, each = Holding.of_decision(decision, case), topology.devices_per_node
    found = np.zeros(topology.world_size)
    if decision.sharding.lands is Extent.WORLD:
        moves = moves_between(old, new, content, each)
        np.add.at(found, moves.target, moves.moved_bytes)
        return found
    each = topology.world.devices_of(decision.sharding.lands)
    unit, local = np.divmod(new.rank, each)
    needed = np.zeros((len(decision.targets), each))
    kept = np.zeros((len(decision.targets), topology.world_size))
    present = old.rank[old.rank < topology.world_size]
    if old.is_replicated:
        common = np.minimum(new.end, old.end.max(axis=0)) - new.first
        np.add.at(needed, (unit, local), content.bytes_of(common.clip(min=0)))
        kept[:, present] = needed[:, present % each]
    else:
        met = old.overlaps(new)
        held, source, target = content.bytes_of(met.shape), old.rank[met.mine], met.theirs
        np.add.at(needed, (unit[target], local[target]), held)
        stays = (source < topology.world_size) & (source % each == local[target])
        np.add.at(kept, (unit[target[stays]], source[stays]), held[stays])
    lacking = np.tile(needed, topology.world_size // each) - kept
    by_place = lacking.reshape(len(lacking), -1, each)
    best = by_place.sum(axis=2).argmin(axis=0)
    least: NDArray[np.float64] = by_place[best, np.arange(by_place.shape[1])]
    return least.reshape(-1)
