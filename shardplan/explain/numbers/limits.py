"""What holds the step up, and so what could shorten it: one sentence for each long phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.uneven_rows import uneven_rows
from shardplan.explain.words import words
from shardplan.sharding.kernel import MemoryTier
from shardplan.units import format_rate
from shardplan.whatif.worth.awaited_link import awaited_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.cost.phase import Phase
    from shardplan.explain.numbers.explanation import PhaseLine
    from shardplan.explain.numbers.study import Study
    from shardplan.topology.level import Link

_LEAST_SHARE = 0.05
"""Of the step: shorter phases are not worth a sentence."""
_EVEN = 1.05
"""Slowest over mean up to which devices are equally busy."""
_MOSTLY = 0.6
_NEARLY_FULL = 0.95


def limits(study: Study, phases: tuple[PhaseLine, ...]) -> tuple[str, ...]:
    """Sentences, the longest phase first."""
    return tuple(_limits(study, phases))


def _limits(study: Study, phases: tuple[PhaseLine, ...]) -> Iterator[str]:
    forecast = study.plan.prediction
    if forecast.step_seconds:
        waited = forecast.dense_seconds * study.case.step.dense_share(study.rank_seconds)
        share = waited / forecast.step_seconds
        if share >= _LEAST_SHARE:
            yield f"dense: {words.percent(share)} of the step, which no plan changes"
    for phase in sorted(phases, key=lambda phase: -phase.share):
        if phase.share >= _LEAST_SHARE:
            yield f"{phase.name}: {_limit(study, phase)}"
    yield from _memory(study)


def _limit(study: Study, phase: PhaseLine) -> str:
    if waits_for := _named(study, phase).waits_for:
        return f"it waits for {waits_for}; no plan avoids that"
    if phase.constant_seconds > _MOSTLY * phase.seconds:
        constant = words.seconds(phase.constant_seconds)
        return f"{constant} of {words.seconds(phase.seconds)} is start-up that no plan avoids"
    if phase.charge_seconds > _MOSTLY * phase.seconds:
        charged = words.seconds(phase.charge_seconds)
        return (
            f"{charged} of {words.seconds(phase.seconds)} is paid once for each sharding type in "
            "use, however few tables it has"
        )
    if phase.imbalance <= _EVEN:
        ratio = f"max/mean {phase.imbalance:.2f}"
        return f"all devices are equally busy ({ratio}); only less work or {_faster(study, phase)}"
    if shard := _single_shard(study, phase):
        return shard
    saved = words.seconds(phase.seconds - phase.mean_seconds)
    uneven = (
        f"rank {phase.rank} is {phase.imbalance:.2f} times the mean; balance would save {saved}"
    )
    return f"{uneven}, and {_faster(study, phase)}" if _link(study, phase) else uneven


def _faster(study: Study, phase: PhaseLine) -> str:
    """The hardware that the phase waits for."""
    link = _link(study, phase)
    if link is None:
        return "a faster device shortens it"
    return f"a faster link than {link} ({format_rate(link.bytes_per_second)}) shortens it"


def _named(study: Study, phase: PhaseLine) -> Phase:
    """As the cost model knows it."""
    return next(each for each in study.case.cost_model.phases if each.name == phase.name)


def _link(study: Study, phase: PhaseLine) -> Link | None:
    """Of the collective on which the slowest device spends most of a phase; None where of none."""
    position = study.case.cost_model.phases.index(_named(study, phase))
    rank = int(study.rank_seconds[:, position].argmax())
    return awaited_link(study.case, study.ledger, position, rank)


def _single_shard(study: Study, phase: PhaseLine) -> str:
    """Where one shard takes most of the slowest device; empty where none does."""
    if phase.rank is None or not phase.tables:
        return ""
    largest = phase.tables[0]
    names = [planned.table.label for planned in study.planned]
    table = names.index(largest.table)
    units = int(study.ledger.units_on(phase.rank)[table])
    seconds = largest.seconds / max(units, 1)
    if not units or seconds < _MOSTLY * phase.seconds:
        return ""
    share = words.percent(seconds / phase.seconds)
    planned = study.planned[table]
    cuts = study.case.topology.world.devices_of(planned.entry.sharding_type.rows)
    if uneven_rows([(planned.table, cuts, planned.entry.replicated_rows or 0)]):
        return (
            f"the first row shard of {largest.table}, which has its hottest rows, takes {share} of "
            f"it on rank {phase.rank}; hashing its ids spreads them"
        )
    kernel = next(one.kernel for one in study.ledger.decisions if one.table == table)
    helps = "only cutting the table finer shortens it"
    if kernel.rows_in is not MemoryTier.HBM:
        helps = f"cutting the table finer shortens it, or more of its rows in HBM than by {kernel}"
    return f"a single shard of {largest.table} takes {share} of it on rank {phase.rank}; {helps}"


def _memory(study: Study) -> Iterator[str]:
    usable = float(study.case.capacity.usable_bytes[0])
    held = [rank.memory_bytes.hbm for rank in study.plan.prediction.ranks]
    full = sum(size > _NEARLY_FULL * usable for size in held) if usable else 0
    if full:
        yield (
            f"HBM: more than {_NEARLY_FULL:.0%} full on {words.plural(full, 'device')}, so that "
            "tables may lie where they fit in place of where they are quickest"
        )
