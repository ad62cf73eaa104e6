"""Steps whose seconds are known, in place of a machine that is measured.

The sums are written out here from a plan's own tables: nothing of the cost model is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.calibrate.measure.machine import Machine
from shardplan.calibrate.measurements.measurement import Measurement, Transfer, WireProbe
from shardplan.calibrate.steps.fitted.measured_machine import MeasuredMachine
from shardplan.topology.collective import Collective
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.plan.file.plan import Plan

RANKS = 2
INDEX_BYTES, FP32_BYTES = 8, 4


@dataclass(frozen=True)
class Planted:
    """What a made-up machine takes; seconds."""

    wire_per_byte: float = 1e-9
    """Of every collective, of the buffer of a device."""
    ids_start: float = 0.1e-3
    ids_per_group: float = 1.5e-3
    ids_per_id: float = 12e-9
    lookup_per_table: float = 60e-6
    lookup_per_id: float = 9e-9
    output_per_group: float = 0.8e-3
    output_per_byte: float = 0.7e-9
    cut_output_per_byte: float = 0.9e-9
    """Besides, of tables whose rows are cut."""
    update_per_id: float = 40e-9
    update_per_table: float = 50e-6
    replica_per_weight: float = 6e-9


@dataclass
class PlantedTrainer:
    """Trains at once, and answers with what the sums say; ``noise`` is of each round and part."""

    planted: Planted = field(default_factory=Planted)
    noise: float = 0.0
    asked: list[str] = field(default_factory=list)

    def train(self, plans: Sequence[Plan], rounds: int, seed: int = 0) -> Any:
        """(rounds, plans, clocks, parts and step)."""
        found = np.zeros((rounds, len(plans), 2, 4))
        for at, plan in enumerate(plans):
            random = np.random.default_rng(len(self.asked))
            self.asked.append(plan.name)
            factors = np.exp(self.noise * random.standard_normal((rounds, 3)))
            parts = seconds_of(plan, self.planted) * factors
            found[:, at, 0, :3] = parts
            found[:, at, 0, 3] = parts.sum(axis=1)
            found[:, at, 1] = found[:, at, 0]
        return found.tolist()


def seconds_of(plan: Plan, planted: Planted) -> np.ndarray:
    """(3,): of the ids' way, the forward pass and the backward pass, slowest ranks phase by phase.

    Plans are on one node of two ranks. All types' collectives move bytes at one rate, so that a
    buffer is all that counts.
    """
    (entries,) = plan.plan.values()
    facts = {table.name: table for table in plan.tables}
    accesses = {table["name"]: table for table in plan.resolved["tables"]}
    batch = plan.resolved["batch"]["global"]
    p, ids, lookup, output, update = planted, *np.zeros((4, RANKS))
    gradients, replicas, groups = np.zeros(RANKS), 0.0, set()
    for name, entry in entries.items():
        table, kind = facts[name], entry.sharding_type.name
        pooling = float(np.sum(accesses[name]["pooling"]))
        features = len(table.features)
        groups.add(kind)
        if kind == "data_parallel":
            mine = batch / RANKS * pooling
            lookup += p.lookup_per_table + p.lookup_per_id * mine
            update += p.update_per_table + p.update_per_id * mine
            weights = table.rows * table.dim
            replicas += weights * (p.replica_per_weight + p.wire_per_byte * FP32_BYTES)
            continue
        cut = kind == "row_wise"
        for shard, rank in zip(entry.shards, entry.ranks, strict=True):
            mine = batch * pooling / (RANKS if cut else 1)
            sent = batch * features * shard.shard_sizes[1] * FP32_BYTES
            lengths = batch * features
            ids[rank] += p.ids_per_id * mine
            ids[rank] += p.wire_per_byte * INDEX_BYTES * (mine + lengths)
            lookup[rank] += p.lookup_per_table + p.lookup_per_id * mine
            copied = p.output_per_byte + cut * p.cut_output_per_byte
            output[rank] += sent * (p.wire_per_byte + copied)
            gradients[rank] += sent * p.wire_per_byte
            update[rank] += p.update_per_table + p.update_per_id * mine
    exchanged = len(groups - {"data_parallel"})
    return np.array(
        [
            p.ids_start + exchanged * p.ids_per_group + ids.max(),
            lookup.max() + exchanged * p.output_per_group + output.max(),
            gradients.max() + update.max() + replicas,
        ]
    )


def measured_machine(engine: str = "torchrec") -> MeasuredMachine:
    """Collectives at the planted rate, whatever their size, and fast sweeps."""
    wires = [
        Measurement(WireProbe(kind, RANKS, size, size), Planted.wire_per_byte * size)
        for kind in Collective
        for size in (2.0**6, 2.0**12, 2.0**20, 2.0**26)
    ]
    wires += [
        Measurement(WireProbe(each, 1, 2.0**26, 2.0**26), 2.0**26 / 1e13) for each in Transfer
    ]
    machine = Machine("a test machine", {"torch": "none"}, on_gpu=False, page_bytes=4096)
    return MeasuredMachine(machine, RANKS, engine, Optimizer.SGD, wires)
