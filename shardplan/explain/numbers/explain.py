"""Study -> Explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phases import DENSE_PHASES
from shardplan.explain.advice.advice import notes
from shardplan.explain.numbers.explanation import (
    Culprit,
    DenseLine,
    DeviceLine,
    Explanation,
    NodeLine,
    PhaseLine,
    TableLine,
    TierBytes,
    TierTraffic,
    TierUse,
)
from shardplan.explain.numbers.limits import limits
from shardplan.explain.numbers.tiers import traffic_of_ranks, traffic_of_tables
from shardplan.explain.words.ranks import compress
from shardplan.plan.file.rounding import differs, rounded, whole_bytes
from shardplan.plan.throughput import Throughput
from shardplan.validation.device_class import DeviceClass
from shardplan.validation.evidence import Figures
from shardplan.validation.step_range import StepRange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.explain.numbers.study import Study
    from shardplan.whatif.worth.charge_prices import ChargePrice
    from shardplan.whatif.worth.more_hbm import MoreHbm

_MOST_CULPRITS = 3


def explain(
    study: Study, more_hbm: MoreHbm | None = None, charges: tuple[ChargePrice, ...] = ()
) -> Explanation:
    """Take the cost of a plan apart: by phase, by device and node, by table.

    What ``more_hbm`` would save, and what ``charges`` cost, is passed through.
    """
    plan, claim = study.plan, study.plan.optimality
    figures = _figures(study)
    phases = _phases(study, figures)
    batch = study.case.samples
    throughput = Throughput.of(batch, plan.prediction.step_seconds)
    return Explanation(
        name=plan.name,
        topology=plan.inputs.topology.name,
        cost_model=plan.inputs.cost_model.name,
        framework=study.case.pricing.framework_name,
        world_size=study.case.topology.world_size,
        devices_per_node=study.case.topology.devices_per_node,
        objective=claim.objective,
        objective_seconds=claim.objective_seconds,
        lower_bound_seconds=claim.lower_bound_seconds,
        gap=claim.gap,
        bound=claim.bound,
        status=claim.status,
        termination=claim.termination,
        method=plan.solver.method,
        step_seconds=plan.prediction.step_seconds,
        step_range=_step_range(study),
        global_batch=throughput.global_batch,
        samples_per_second=throughput.samples_per_second,
        balance_seconds=plan.prediction.balance_seconds,
        dense_seconds=plan.prediction.dense_seconds,
        dense_phases=_dense(study, figures),
        is_dense_hidden=study.is_dense_hidden,
        phases=phases,
        devices=devices(study),
        nodes=_nodes(study),
        tables=tuple(sorted(tables(study), key=lambda line: -line.slowest_seconds)),
        more_hbm=more_hbm,
        charges=charges,
        limits=limits(study, phases),
        notes=notes(plan, study.case),
    )


def _figures(study: Study) -> Figures:
    decisions = study.ledger.decisions
    in_host = any(one.kernel.needs_ddr or one.kernel.is_on_ssd for one in decisions)
    return Figures(study.case, uses_host_memory=in_host)


def _dense(study: Study, figures: Figures) -> tuple[DenseLine, ...]:
    forecast, is_predicted = study.plan.prediction, study.case.cost_model.dense.is_predicted
    seconds, waited_for = forecast.dense_phases or {}, forecast.waited_for
    return tuple(
        DenseLine(
            phase.name,
            phase.meaning,
            seconds[phase.name],
            figures.evidence(phase) if is_predicted else None,
            phase.name not in waited_for,
        )
        for phase in DENSE_PHASES
        if phase.name in seconds
    )


def _step_range(study: Study) -> StepRange | None:
    """Published steps are predicted by cost models of the analytic kind alone."""
    case = study.case
    if case.pricing.value.get("kind", "analytic") != "analytic":
        return None
    machine = DeviceClass.of(case.machine.file, case.topology.world_size)
    return StepRange.of(
        study.plan.prediction.step_seconds, machine.value, case.pricing.framework_name
    )


def _phases(study: Study, figures: Figures) -> tuple[PhaseLine, ...]:
    return tuple(
        _phase(study, position, figures) for position in range(study.rank_seconds.shape[1])
    )


def _phase(study: Study, position: int, figures: Figures) -> PhaseLine:
    phase = study.case.cost_model.phases[position]
    seconds = study.rank_seconds[:, position]
    slowest, mean = float(seconds.max()), float(seconds.mean())
    is_even = not differs(slowest, float(seconds.min()))
    rank = int(seconds.argmax())
    is_counted = bool(study.is_counted[position])
    step = study.plan.prediction.step_seconds
    return PhaseLine(
        name=phase.name,
        meaning=phase.meaning,
        seconds=slowest,
        mean_seconds=rounded(mean),
        imbalance=1.0 if is_even or not mean else rounded(slowest / mean),
        share=rounded(slowest / step) if is_counted and step else 0.0,
        is_hidden=not is_counted,
        constant_seconds=rounded(phase.constant_seconds),
        charge_seconds=rounded(float(study.ledger.charges.total_seconds[position])),
        rank=None if is_even else rank,
        tables=_culprits(study, rank, position),
        evidence=figures.evidence(phase),
    )


def _culprits(study: Study, rank: int, phase: int) -> tuple[Culprit, ...]:
    """The tables on which a device spends most of a phase, or waits for its neighbours."""
    spent = study.ledger.seconds_on(rank)[:, phase]
    costliest = np.argsort(-spent, kind="stable")[:_MOST_CULPRITS]
    return tuple(
        Culprit(study.planned[table].table.label, rounded(float(spent[table])))
        for table in costliest.tolist()
        if spent[table] > 0
    )


def devices(study: Study) -> tuple[DeviceLine, ...]:
    """Load and memory of each device, in order of rank."""
    busy = study.rank_seconds[:, study.is_counted].sum(axis=1).tolist()
    usable = int(study.case.capacity.usable_bytes[0])
    return tuple(
        DeviceLine(
            rank=rank.rank,
            busy_seconds=rounded(seconds),
            phase_seconds=tuple(rank.phases.values()),
            hbm=TierUse(rank.memory_bytes.hbm, usable),
            memory_bytes=TierBytes(*(rank.memory_bytes[tier] for tier in range(3))),
            traffic=moved,
        )
        for rank, seconds, moved in zip(
            study.plan.prediction.ranks, busy, traffic_of_ranks(study.ledger), strict=True
        )
    )


def _nodes(study: Study) -> tuple[NodeLine, ...]:
    each = study.case.topology.devices_per_node
    memory = [rank.memory_bytes for rank in study.plan.prediction.ranks]
    ddr, ssd = (int(usable) for usable in study.case.capacity.usable_bytes[1:])
    return tuple(
        NodeLine(
            node,
            TierUse(sum(held.ddr for held in memory[first : first + each]), ddr),
            TierUse(sum(held.ssd for held in memory[first : first + each]), ssd),
        )
        for node, first in enumerate(range(0, len(memory), each))
    )


def tables(study: Study) -> tuple[TableLine, ...]:
    """Where each table went and what it costs there, in the spec's order."""
    ledger = study.ledger
    slowest = ledger.slowest_seconds
    total = ledger.total_seconds[:, study.is_counted].sum(axis=1)
    held = ledger.total_bytes
    return tuple(
        _table(study, index, slowest[index], float(total[index]), held[index], moved)
        for index, moved in enumerate(traffic_of_tables(ledger))
    )


def _table(
    study: Study,
    index: int,
    seconds: NDArray[np.float64],
    total_seconds: float,
    held_bytes: NDArray[np.float64],
    traffic: TierTraffic | None,
) -> TableLine:
    planned, decision = study.planned[index], study.ledger.decisions[index]
    table = planned.table
    return TableLine(
        name=table.label,
        module=table.module,
        rows=table.rows,
        dim=table.dim,
        dtype=table.dtype,
        pooling=rounded(table.pooling),
        sharding_type=decision.sharding.name,
        compute_kernel=decision.kernel.name,
        column_shards=decision.column_shards,
        replicated_rows=decision.replicated_rows,
        load_factor=decision.load_factor,
        ddr_load_factor=decision.ddr_load_factor,
        ranks=compress(planned.ranks),
        device_count=len(planned.ranks),
        slowest_rank=int(study.ledger.slowest_ranks[index]),
        slowest_seconds=rounded(float(seconds[study.is_counted].sum())),
        total_seconds=rounded(total_seconds),
        phase_seconds=tuple(rounded(value) for value in seconds.tolist()),
        memory_bytes=TierBytes(*(whole_bytes(value) for value in held_bytes.tolist())),
        traffic=traffic,
    )
