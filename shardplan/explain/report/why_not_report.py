"""WhyNot -> Report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.diff_report import (
    layout_words,
    seconds_change,
    throughput_changes,
)
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.explain.words.meanings import STATUSES
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.errors import Shortfall
    from shardplan.plan.diff.plan_diff import PlanDiff
    from shardplan.whatif.breach import Breach
    from shardplan.whatif.why_not import Alternative, ChargeChange, WhyNot


def why_not_report(found: WhyNot) -> Report:
    """The verdict, then what changes with all else fixed, then after solving again."""
    sections = []
    if found.fixed is not None:
        meaning = "the table where it costs least, everything else where it is"
        sections.append(_alternative("With all else fixed", meaning, found, found.fixed))
    elif not found.is_made:
        remark = "no place is allowed for the table unless others move"
        sections.append(Section("With all else fixed", remarks=(remark,)))
    if found.resolved is not None:
        meaning = STATUSES.get(found.resolved.status, "")
        sections.append(_alternative("Solved again", meaning, found, found.resolved))
    elif not found.is_made:
        remarks = tuple(map(_shortfall, found.shortfalls)) or (found.failure,)
        sections.append(Section("Solved again", remarks=remarks))
    return Report(f"{found.choice}: {_verdict(found)}", tuple(sections))


def _verdict(found: WhyNot) -> str:
    if found.is_made:
        return "so it is in this plan"
    if found.shortfalls:
        return "no plan can have it, and this is proven"
    best = found.resolved or found.fixed
    if best is None:
        return "no plan found that has it"
    old, new = best.diff.old_step_seconds, best.diff.new_step_seconds
    if new == old:
        return "the step would take as long"
    kind = "solved again" if found.resolved else "with all else fixed"
    return (
        f"the step would take {words.seconds(new)}, {kind}, instead of {words.seconds(old)}"
        f"{_worst(best.diff)}"
    )


def _worst(diff: PlanDiff) -> str:
    """Where it hurts most."""
    worst = max(diff.phases, key=lambda p: p.new_seconds - p.old_seconds, default=None)
    if worst is None or worst.new_seconds <= worst.old_seconds:
        return ""
    return f"; it hurts most in {worst.name} on rank {worst.new_rank}"


def _alternative(title: str, meaning: str, found: WhyNot, other: Alternative) -> Section:
    columns = (
        Column("", is_prose=True),
        Column("now", True),
        Column("then", True),
        Column("change", True),
    )
    remarks = (
        [f"needs more memory than there is: {breach_words(other.breaches)}"]
        if other.breaches
        else []
    )
    if other.diff.new_lower_bound_seconds > other.diff.old_step_seconds:
        bound = words.seconds(other.diff.new_lower_bound_seconds)
        remarks.append(f"proven: no plan with this choice takes less than {bound}")
    remarks += map(_charged, other.charges)
    remarks += _moves(found, other.diff)
    return Section(title, meaning, Grid(columns, tuple(_rows(other.diff))), tuple(remarks))


def _charged(change: ChargeChange) -> str:
    if change.seconds < 0:
        return (
            f"{change.group} is not paid for any more, which saves {words.seconds(-change.seconds)}"
        )
    return f"{change.group} is paid for besides, once: {words.seconds(change.seconds)}"


def _rows(diff: PlanDiff) -> Iterator[tuple[str, ...]]:
    yield ("step time", *seconds_change(diff.old_step_seconds, diff.new_step_seconds))
    yield from throughput_changes(diff)
    if diff.new_lower_bound_seconds:
        bounds = diff.old_lower_bound_seconds, diff.new_lower_bound_seconds
        yield ("lower bound", *seconds_change(*bounds))
    for phase in diff.phases:
        place = f"rank {phase.old_rank}"
        if phase.new_rank != phase.old_rank:
            place += f", then {phase.new_rank}"
        yield (
            f"{phase.name} ({place})",
            *seconds_change(phase.old_seconds, phase.new_seconds),
        )


def breach_words(breaches: Sequence[Breach]) -> str:
    """The first of several memories that overflow, and how many more."""
    first, *more = breaches
    text = (
        f"{first.owner} {format_bytes(first.needs_bytes)} of {first.tier}, "
        f"{format_bytes(first.usable_bytes)} usable"
    )
    return text + (f", and {len(more)} more" if more else "")


def _moves(found: WhyNot, diff: PlanDiff) -> Iterator[str]:
    for table in diff.tables:
        if table.name == found.table:
            yield f"{table.name}: {layout_words(table.old)}, then {layout_words(table.new)}"
    others = sum(table.name != found.table for table in diff.tables)
    if others:
        yield f"{words.plural(others, 'other table')} would be placed otherwise too"


def _shortfall(short: Shortfall) -> str:
    if short.reasons:
        return f"{short.subject}: no {short.resource}: {'; '.join(short.reasons)}"
    if short.is_none:
        return f"{short.subject}: no {short.resource}{f' ({short.note})' if short.note else ''}"
    if short.unit != "bytes":
        return f"{short.subject}: {short.resource}: {short.needs:g} needed, {short.offers:g} there"
    needs, offers = format_bytes(short.needs), format_bytes(short.offers)
    return f"{short.subject}: {needs} of {short.resource} needed, {offers} there"
