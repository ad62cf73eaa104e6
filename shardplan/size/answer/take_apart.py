"""Plan -> Anatomy."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phases import DENSE, DENSE_ALL_REDUCE, DENSE_PHASES
from shardplan.plan.carried import as_planned
from shardplan.plan.finding import Finding
from shardplan.plan.ledger import Ledger
from shardplan.plan.planned import planned_tables
from shardplan.plan.recover import decision_of
from shardplan.size.answer.anatomy import Anatomy, Bottleneck, FigureCounts, PhaseOfStep
from shardplan.topology.collective import Collective, Scope
from shardplan.validation.evidence import Figures
from shardplan.whatif.worth.awaited_link import awaited_link

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.topology.level import Link

_TIERS = ("hbm", "ddr", "ssd")


def take_apart(plan: Plan, case: Case) -> Anatomy:
    """What the step of a plan is made of; ``case`` is the one that it was made for.

    Where the case leaves open in how many groups its devices are, the plan says it.
    """
    case = as_planned(plan, case)
    found = [decision_of(each, case.topology.world) for each in planned_tables(plan, case.workload)]
    decisions = [one for one in found if not isinstance(one, Finding)]
    phases = tuple(_phases(plan, case))
    return Anatomy(
        phases=phases,
        binds=_binds(plan, case, decisions, phases),
        memory_shares=dict(_memory_shares(plan, case)),
        figures=_figures(case, decisions, phases),
    )


def _phases(plan: Plan, case: Case) -> Iterator[PhaseOfStep]:
    """The dense part and what it is made of, then what the cost model predicts; no empty ones."""
    forecast = plan.prediction.completed(case.cost_model.phases)
    known = {phase.name: phase for phase in (DENSE, *DENSE_PHASES, *case.cost_model.phases)}
    waited_for = forecast.waited_for
    for name, seconds in (forecast.dense_parts | forecast.phases).items():
        if seconds and name in known:
            part, is_hidden = known[name].part, name not in waited_for
            yield PhaseOfStep(name=name, part=part, seconds=seconds, is_hidden=is_hidden)


def _binds(
    plan: Plan, case: Case, decisions: Sequence[Decision], phases: Sequence[PhaseOfStep]
) -> Bottleneck:
    """The longest phase that the step waits for; what computes the layers counts as one."""
    seconds: dict[str, float] = {}
    of_layers = {phase.name for phase in DENSE_PHASES} - {DENSE_ALL_REDUCE.name}
    for phase in phases:
        if not phase.is_hidden:
            name = DENSE.name if phase.name in of_layers else phase.name
            seconds[name] = seconds.get(name, 0.0) + phase.seconds
    if not seconds:
        return Bottleneck(phase=DENSE.name, share=0.0)
    longest = max(seconds, key=seconds.__getitem__)
    share = seconds[longest] / sum(seconds.values())
    link = _link(plan, case, decisions, longest)
    if link is None:
        return Bottleneck(phase=longest, share=share)
    rate = link.bytes_per_second
    return Bottleneck(phase=longest, share=share, link=str(link), link_bytes_per_second=rate)


def _link(plan: Plan, case: Case, decisions: Sequence[Decision], name: str) -> Link | None:
    """That holds the collective of a phase up; None where it has none."""
    if name == DENSE_ALL_REDUCE.name:
        return case.topology.bottleneck(Collective.ALL_REDUCE, Scope.ALL)
    position = {phase.name: n for n, phase in enumerate(case.cost_model.phases)}.get(name)
    if position is None:
        return None
    seconds = [rank.phases.get(name, 0.0) for rank in plan.prediction.ranks]
    ledger = Ledger.of(decisions, case.cost_model, case.topology.world)
    return awaited_link(case, ledger, position, int(np.argmax(seconds)))


def _memory_shares(plan: Plan, case: Case) -> Iterator[tuple[str, float]]:
    """HBM of the fullest device, DDR and SSD of the fullest node, of the tiers that are there."""
    held = [[rank.memory_bytes[tier] for tier in range(3)] for rank in plan.prediction.ranks]
    of_ranks = np.array(held, dtype=np.int64)
    of_nodes = of_ranks.reshape(case.topology.nodes, -1, 3).sum(axis=1)
    most = (of_ranks[:, 0].max(), of_nodes[:, 1].max(), of_nodes[:, 2].max())
    for tier, used, usable in zip(_TIERS, most, case.capacity.usable_bytes, strict=True):
        if usable > 0:
            yield tier, float(used / usable)


def _figures(
    case: Case, decisions: Sequence[Decision], phases: Sequence[PhaseOfStep]
) -> FigureCounts:
    """Of what the step waits for; of a dense part that the spec gives there are none."""
    in_host = any(one.kernel.needs_ddr or one.kernel.is_on_ssd for one in decisions)
    layers = DENSE_PHASES if case.cost_model.dense.is_predicted else ()
    waited_for = {phase.name for phase in phases if not phase.is_hidden}
    known = [each for each in (*layers, *case.cost_model.phases) if each.name in waited_for]
    evidence = Figures(case, uses_host_memory=in_host).evidence(*known)
    return FigureCounts(**asdict(evidence)) if evidence else FigureCounts()
