"""Explanation -> Report: the whole plan on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.phases import DENSE
from shardplan.explain.numbers.explanation import DenseLine
from shardplan.explain.report.charge_section import charge_sections
from shardplan.explain.report.device_section import device_sections
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.report.table_section import table_sections
from shardplan.explain.report.tier_section import tier_sections
from shardplan.explain.words import words
from shardplan.explain.words.large_gap import large_gap
from shardplan.explain.words.meanings import NONE_BETTER, OBJECTIVES, STATUSES, TERMINATIONS

if TYPE_CHECKING:
    from shardplan.explain.numbers.explanation import Explanation, PhaseLine
    from shardplan.validation.evidence import Evidence

_WIDE = 128
"""Columns of a grid that has room for what a phase means."""


_NO_FRAMEWORK = "no framework's own costs are counted: training.framework names one"


def overview(explanation: Explanation, top: int) -> Report:
    """Head, phases and what holds them up, devices, the ``top`` costliest tables, all, notes."""
    found = explanation
    title = (
        f"{found.name}: {words.plural(len(found.tables), 'table')} on "
        f"{words.plural(found.world_size, 'device')} ({found.topology}, "
        f"{words.plural(found.node_count, 'node')} of {found.devices_per_node}), "
        f"costs by {found.cost_model}" + (f" and {found.framework}" if found.framework else "")
    )
    sections = [
        _head(found),
        _phases(found),
        *charge_sections(found),
        *_limits(found),
        *device_sections(found),
        *tier_sections(found),
        *table_sections(found, top),
    ]
    if found.notes:
        sections.append(Section("Notes", remarks=found.notes))
    return Report(title, tuple(sections))


def _head(found: Explanation) -> Section:
    ended = TERMINATIONS.get(found.termination, "")
    rows = (
        ("step time", words.seconds(found.step_seconds), "predicted time of one training step"),
        *_range(found),
        (
            "throughput",
            words.rate(found.samples_per_second),
            f"{found.global_batch:,} samples in each step, over all devices",
        ),
        (
            found.objective.replace("_", " ") if found.objective != "step_time" else "objective",
            words.seconds(found.objective_seconds),
            OBJECTIVES.get(found.objective, "what the plan minimises"),
        ),
        (
            "lower bound",
            words.seconds(found.lower_bound_seconds),
            f"{NONE_BETTER.get(found.objective, 'no plan can be better')} ({found.bound})",
        ),
        ("gap", words.gap(found.gap), "how far above the bound the objective is at most"),
        ("status", found.status, STATUSES.get(found.status, "")),
        ("ended", found.termination, f"{ended} (method {found.method})"),
    )
    large = large_gap(found.objective_seconds, found.lower_bound_seconds)
    return Section(
        "Step",
        grid=Grid((Column(""), Column(""), Column("", is_prose=True)), rows),
        remarks=(large,) if large else (),
    )


def _range(found: Explanation) -> tuple[tuple[str, str, str], ...]:
    """Between what the step lies, and whose steps say so."""
    between, step = found.step_range, found.step_seconds
    if between is None or not step:
        return ()
    whose = " ".join(
        (f"of {between.framework}" if between.framework else "of any framework",)
        + ((f"on {between.device_class}",) if between.device_class else ())
    )
    return (
        (
            "range",
            f"x{between.low_seconds / step:.2f} to x{between.high_seconds / step:.2f}",
            f"{words.seconds(between.low_seconds)} to {words.seconds(between.high_seconds)}: "
            f"{between.steps} published steps {whose} were so far off",
        ),
    )


def _phases(found: Explanation) -> Section:
    columns = (
        Column("phase"),
        Column("time", True),
        Column("of step", True, spare=1),
        Column("slowest", True),
        Column("max/mean", True, spare=2),
        Column("mostly", is_list=True),
        Column("figures", spare=3),
        Column("what happens", is_prose=True, least_width=_WIDE),
    )
    seconds, is_hidden = found.dense_seconds, found.is_dense_hidden
    whole = DenseLine(DENSE.name, DENSE.meaning, seconds, None, is_hidden)
    parts = found.dense_phases or (whole,)
    last = (_dense(found, part) for part in parts if part.seconds)
    return Section(
        "Phases",
        "each ends when its slowest device ends; a hidden one runs while the step waits for others",
        Grid(columns, (*(_phase(line) for line in found.phases if line.seconds), *last)),
        remarks=() if found.framework else (_NO_FRAMEWORK,),
    )


def _limits(found: Explanation) -> list[Section]:
    return [Section("What holds the step up", remarks=found.limits)] if found.limits else []


def _phase(line: PhaseLine) -> tuple[str, ...]:
    tables = [f"{one.table} {words.seconds(one.seconds)}" for one in line.tables]
    return (
        line.name,
        words.seconds(line.seconds),
        _share(line.share, line.is_hidden),
        words.rank(line.rank),
        f"{line.imbalance:.2f}",
        ", ".join(tables) or "-",
        _known(line.evidence),
        line.meaning,
    )


def _dense(found: Explanation, part: DenseLine) -> tuple[str, ...]:
    share = part.seconds / found.step_seconds if found.step_seconds else 0.0
    return (
        part.name,
        words.seconds(part.seconds),
        _share(share, part.is_hidden),
        words.rank(None),
        "1.00",
        "-",
        _known(part.evidence),
        part.meaning,
    )


def _known(evidence: Evidence | None) -> str:
    return evidence.word if evidence else "-"


def _share(share: float, is_hidden: bool) -> str:
    return "hidden" if is_hidden else words.percent(share)
