"""Random placements of one workload on the ranks of one node, and what cost models say of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.calibrate.measurements.measurement import measured_table
from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.topology.build_topology import build_topology
from shardplan.topology.schema import TopologyFile
from shardplan.workload.access import Uniform, Zipf
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.training import Training
from shardplan.workload.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.cost.cost_model import CostModel
    from shardplan.topology.topology import Topology

_TABLES = 6
_BATCH = 512
_PURITY = 3
"""The higher, the fewer placements mix types evenly."""
_TYPES = (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE, ShardingType.ROW_WISE)


@dataclass(frozen=True, slots=True)
class Place:
    """How one table is sharded."""

    sharding_type: ShardingType
    rank: int
    """The owner of a table-wise table; 0 for the others, which are cut over all ranks."""


Placement = tuple[Place, ...]


def workload(seed: int) -> Workload:
    """Tables of many sizes, with whole numbers of ids per sample, trained by SGD."""
    dice = random.Random(seed)
    tables = tuple(
        measured_table(
            position,
            rows=int(10 ** dice.uniform(3, 5)),
            dim=dice.choice([16, 32, 64, 128, 256]),
            pooling=float(round(10 ** dice.uniform(0, 1.7))),
            access=dice.choice([Uniform(), Zipf(1.05)]),
        )
        for position in range(_TABLES)
    )
    return Workload("measured", tables, _BATCH, Training(optimizer=Optimizer.SGD))


def placements(count: int, tables: int, ranks: int, seed: int) -> list[Placement]:
    """All different, from balanced ones to those with nearly everything on one rank.

    Each has a mix of types and a favourite rank of its own, favoured more or less.
    """
    dice = random.Random(seed)
    found: dict[Placement, None] = {}
    while len(found) < count:
        weights = [dice.random() ** _PURITY for _ in _TYPES]
        favourite, favour = dice.randrange(ranks), dice.random()
        placement = []
        for _ in range(tables):
            sharding_type = dice.choices(_TYPES, weights)[0]
            rank = favourite if dice.random() < favour else dice.randrange(ranks)
            is_whole = sharding_type is ShardingType.TABLE_WISE
            placement.append(Place(sharding_type, rank if is_whole else 0))
        found[tuple(placement)] = None
    return list(found)


def one_node(ranks: int, cost_model: str, link: str) -> Topology:
    """A node of CPU processes, joined by what the cost model was measured with."""
    value = {
        "name": "here",
        "cost_model": cost_model,
        "nodes": 1,
        "devices_per_node": ranks,
        "device": {"hbm": {"capacity": "1TB", "read": "1TB/s"}, "host_link": "1TB/s"},
        "scale_up": {"kind": "switch", "bandwidth": link},
    }
    return build_topology(validate(TopologyFile, Document(value, "here")), 1)


def phase_seconds(model: CostModel, placement: Placement, ranks: int) -> dict[str, float]:
    """Every phase ends when its slowest rank ends."""
    options = _options(placement, ranks)
    units = model.unit_costs(options).load_seconds
    load = np.zeros((ranks, units.shape[1]))
    for place, unit in zip(placement, units, strict=True):
        whole = place.sharding_type is ShardingType.TABLE_WISE
        load[place.rank if whole else slice(None)] += unit
    slowest = load.max(axis=0)
    return {
        phase.name: float(seconds + phase.constant_seconds)
        for phase, seconds in zip(model.phases, slowest, strict=True)
    }


def _options(placement: Sequence[Place], ranks: int) -> OptionSet:
    types = [place.sharding_type for place in placement]
    cuts = [ranks if each is ShardingType.COLUMN_WISE else 1 for each in types]
    return OptionSet.uncached(
        np.arange(len(types), dtype=np.int32),
        np.array([SHARDING_TYPES.index(each) for each in types], np.int8),
        np.full(len(types), KERNELS.index(Kernel.FUSED), np.int8),
        np.array(cuts, np.int32),
    )
