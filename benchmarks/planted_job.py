"""A job with a known answer: what a plan takes by arithmetic of its own, with costs planted.

Nothing of the planner's cost model is used: a plan's file is read as JSON, and seconds are sums
over its shards. Two devices on one node.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DEVICES = 2
PHASES = (
    "ids_comm", "lookup_forward", "output_comm", "gradient_comm", "update_backward", "all_reduce",
)  # fmt: skip
_IDS, _LOOKUP, _OUTPUT, _GRADIENT, _UPDATE, _REDUCE = range(len(PHASES))
TYPES = ("table_wise", "column_wise", "row_wise", "data_parallel")


@dataclass(frozen=True)
class Machine:
    """What things take, and what is planted: 1 and 0 are what was calibrated."""

    per_table: float = 20e-6
    per_id: float = 4e-9
    read: float = 20e9
    update_per_id: float = 12e-9
    update: float = 8e9
    sweep: float = 6e9
    latency: float = 100e-6
    link: float = 1e9
    link_factor: float = 1.0
    lookup_factor: float = 1.0
    update_factor: float = 1.0
    type_per_table: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    type_once: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    def cost_model(self) -> dict[str, Any]:
        """A cost-model file of the machine without what is planted."""
        kernel = {"per_table": _seconds(self.per_table), "per_id": _seconds(self.per_id)}
        update = {"per_table": _seconds(self.per_table), "per_id": _seconds(self.update_per_id)}
        lookup_rates = kernel | {"read": _rate(self.read)}
        update_rates = update | {"read": _rate(self.update)}
        sizes = [2**power for power in range(10, 31)]
        share = {"all_to_all": 0.5, "reduce_scatter": 0.5, "all_gather": 0.5, "all_reduce": 1.0}
        curves = [
            {
                "collective": name,
                "ranks": DEVICES,
                "points": [
                    [f"{size}B", _seconds(self.latency + part * size / self.link)] for size in sizes
                ],
            }
            for name, part in share.items()
        ]
        return {
            "name": "simulated",
            "lookup_forward": {"launch": "0us", "hbm": lookup_rates, "ddr": lookup_rates},
            "update_backward": {"launch": "0us", "hbm": update_rates, "ddr": update_rates},
            "dense_update": _rate(self.sweep),
            "scale_up": {"link": "60GB/s", "curves": curves},
            "scale_out": {"efficiency": 0.8, "latency": "100us", "latency_per_node": "10us"},
        }


@dataclass(frozen=True)
class Table:
    """A table of the job."""

    name: str
    rows: int
    dim: int
    pooling: float


@dataclass(frozen=True)
class Simulator:
    """What each plan of some tables takes on a machine."""

    machine: Machine
    tables: tuple[Table, ...]
    local_batch: int

    def spec(self) -> dict[str, Any]:
        """For the planner: the tables, and the machine as it was calibrated."""
        return {
            "name": "simulated",
            "batch": {"local": self.local_batch},
            "topology": {"name": "cpu-2s"},
            "training": {"optimizer": "sgd"},
            "tables": [
                {"name": t.name, "rows": t.rows, "dim": t.dim, "pooling": t.pooling}
                for t in self.tables
            ],
            "cost_model": Machine().cost_model(),
        }

    def phase_seconds(self, plan: dict[str, Any]) -> tuple[NDArray[np.float64], float]:
        """(P,) of the slowest device, and what is spent beside the phases, under a plan's file."""
        entries = {name: e for tables in plan["plan"].values() for name, e in tables.items()}
        total = np.zeros((DEVICES, len(PHASES)))
        beside, used = np.zeros(DEVICES), set()
        for table in self.tables:
            entry = entries[table.name]
            shards = [(s["shard_sizes"], rank) for s, rank in _placed(entry)]
            load, own = self._shards(table, entry["sharding_type"], shards)
            total, beside = total + load, beside + own
            used.add(entry["sharding_type"])
        return total.max(axis=0) + self._starts, float(beside.max()) + self._once(used)

    def step_seconds(self, plan: dict[str, Any]) -> float:
        """Of a plan's file, without noise."""
        phases, beside = self.phase_seconds(plan)
        return float(phases.sum()) + beside

    def best(self) -> tuple[float, tuple[int, ...]]:
        """The least that any plan takes, and which way each table goes: all are tried."""
        ways = [self._ways(table) for table in self.tables]
        choices = list(product(*(range(len(each)) for each in ways)))
        chosen = np.array(choices)
        total = sum(np.array([w[0] for w in each])[chosen[:, n]] for n, each in enumerate(ways))
        beside = sum(np.array([w[1] for w in each])[chosen[:, n]] for n, each in enumerate(ways))
        kinds = np.stack([np.array([w[2] for w in e])[chosen[:, n]] for n, e in enumerate(ways)])
        once = sum(
            cost * (kinds == kind).any(axis=0)
            for kind, cost in zip(TYPES, self.machine.type_once, strict=True)
        )
        seconds = total.max(axis=1).sum(axis=1) + self._starts.sum() + beside.max(axis=1) + once
        return float(seconds.min()), choices[int(seconds.argmin())]

    def seconds_of(self, chosen: tuple[int, ...]) -> float:
        """What a plan takes, by the ways that its tables go."""
        ways = [self._ways(table)[way] for table, way in zip(self.tables, chosen, strict=True)]
        total = sum(load for load, _, _ in ways)
        beside = sum(own for _, own, _ in ways)
        once = self._once({kind for _, _, kind in ways})
        return float(total.max(axis=0).sum() + self._starts.sum() + beside.max()) + once

    def _ways(self, table: Table) -> list[tuple[NDArray[np.float64], NDArray[np.float64], str]]:
        half = [table.rows, table.dim // 2]
        rows = [-(-table.rows // DEVICES), table.dim]
        whole = [table.rows, table.dim]
        ways = [
            ("table_wise", [(whole, 0)]),
            ("table_wise", [(whole, 1)]),
            ("column_wise", [(half, 0), (half, 1)]),
            ("row_wise", [(rows, 0), (rows, 1)]),
            ("data_parallel", []),
        ]
        return [(*self._shards(table, kind, shards), kind) for kind, shards in ways]

    @property
    def _starts(self) -> NDArray[np.float64]:
        """(P,): the start of what always runs."""
        start = np.zeros(len(PHASES))
        start[[_IDS, _OUTPUT, _GRADIENT]] = self.machine.latency * self.machine.link_factor
        return start

    def _once(self, used: set[str]) -> float:
        return sum(self.machine.type_once[TYPES.index(kind)] for kind in used)

    def _shards(
        self, table: Table, kind: str, shards: list[tuple[list[int], int]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(W, P) and (W,): what a table's shards take on each device, and beside the phases."""
        machine, batch = self.machine, self.local_batch * DEVICES
        load, beside = np.zeros((DEVICES, len(PHASES))), np.zeros(DEVICES)
        per_byte = machine.link_factor / machine.link
        if kind == "data_parallel":
            shards = [([table.rows, table.dim], rank) for rank in range(DEVICES)]
            swept = 3 * 4 * table.rows * table.dim / machine.sweep
            load[:, _UPDATE] += swept * machine.update_factor
            load[:, _REDUCE] += 4 * table.rows * table.dim * per_byte
        for (_, columns), rank in shards:
            cut = DEVICES if kind in ("row_wise", "data_parallel") else 1
            ids = batch * table.pooling / cut
            moved = 4 * columns * ids
            load[rank, _LOOKUP] += machine.lookup_factor * (
                machine.per_table + machine.per_id * ids + moved / machine.read
            )
            load[rank, _UPDATE] += machine.update_factor * (
                machine.per_table + machine.update_per_id * ids + moved / machine.update
            )
            beside[rank] += machine.type_per_table[TYPES.index(kind)]
            if kind == "data_parallel":
                continue
            outputs = 4 * batch * columns / 2
            load[rank, [_OUTPUT, _GRADIENT]] += outputs * per_byte
            load[rank, _IDS] += 8 * (ids + batch) / 2 * per_byte
        return load, beside


def _placed(entry: dict[str, Any]) -> list[tuple[dict[str, Any], int]]:
    return list(zip(entry.get("shards", []), entry["ranks"], strict=False))


def _seconds(value: float) -> str:
    return f"{value * 1e9:.9g}ns"


def _rate(value: float) -> str:
    return f"{value / 1e9:.9g}GB/s"


@dataclass
class SimulatedJob:
    """Runs a plan in no time: its step, with noise, on a machine that drifts from run to run."""

    simulator: Simulator
    noise: float
    drift: float
    seed: int
    tells_phases: bool = True
    runs: int = 0

    words = "a simulated job"

    def run(self, plan: Path, measured: Path, log: Path) -> None:
        """Write what a job would have measured."""
        generator = np.random.default_rng([self.seed, self.runs])
        phases, beside = self.simulator.phase_seconds(json.loads(plan.read_text()))
        weather = np.exp(self.drift * np.sin(self.runs / 7 + self.seed))
        rough = np.exp(self.noise * generator.standard_normal(len(PHASES) + 1))
        found = {"step_seconds": float(phases.sum() + beside) * float(weather * rough[-1])}
        if self.tells_phases:
            seconds = (phases * weather * rough[:-1]).tolist()
            found |= {"phases": dict(zip(PHASES, seconds, strict=True))}
        measured.write_text(json.dumps(found))
        log.write_text("")
        self.runs += 1


def planted(seed: int) -> Simulator:
    """Tables drawn from a seed, on a machine with a slow link, a slow kernel and a costly type.

    Costs are drawn until they matter: the plan that was best without them is slower than the best
    by a tenth and more.
    """
    generator = np.random.default_rng(seed)
    tables = tuple(
        Table(
            f"t{number}",
            int(10 ** generator.uniform(2.5, 5.5)),
            int(generator.choice([16, 32, 64])),
            float(generator.integers(1, 20)),
        )
        for number in range(5)
    )
    plain = Simulator(Machine(), tables, 1024)
    step, chosen = plain.best()
    while True:
        found = replace(plain, machine=_with_plant(step, generator))
        if found.seconds_of(chosen) > 1.1 * found.best()[0]:
            return found


def _with_plant(step: float, generator: np.random.Generator) -> Machine:
    kernel = str(generator.choice(["lookup_factor", "update_factor"]))
    per_table, once = np.zeros(len(TYPES)), np.zeros(len(TYPES))
    per_table[generator.integers(len(TYPES))] = generator.uniform(0.05, 0.3) * step
    once[generator.integers(len(TYPES))] = generator.uniform(0.1, 0.5) * step
    factors = {kernel: float(generator.uniform(2, 6)), "link_factor": generator.uniform(2, 8)}
    return replace(
        Machine(),
        type_per_table=tuple(per_table.tolist()),
        type_once=tuple(once.tolist()),
        **factors,
    )
