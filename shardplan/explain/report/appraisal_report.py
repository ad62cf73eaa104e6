"""Appraisal -> Report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.report.why_not_report import breach_words
from shardplan.explain.words import words
from shardplan.explain.words.ranks import compress
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.convert.from_torchrec.reading import Reading
    from shardplan.explain.numbers.explanation import Explanation
    from shardplan.plan.decision import Decision
    from shardplan.whatif.appraise import Appraisal


def appraisal_report(
    found: Appraisal,
    explanation: Explanation,
    readings: tuple[Reading, ...] = (),
    assumed: str = "",
) -> Report:
    """How far a plan is from the best, what holds it up, and what to change first.

    ``explanation`` is of the plan itself, ``readings`` what of it was read as something else, and
    ``assumed`` what it does not tell.
    """
    claim = found.plan.optimality
    title = (
        f"{found.plan.name}: {words.plural(len(found.plan.tables), 'table')} on "
        f"{words.plural(found.plan.world_size, 'device')}, rated by {explanation.cost_model}"
    )
    closing = (
        f"this plan is {words.gap(claim.gap)} above what no plan can beat, the best that was found "
        f"{words.gap(found.best.optimality.gap)}"
    )
    return Report(title, tuple(_sections(found, explanation, readings, assumed)), closing)


def appraisal_numbers(
    found: Appraisal,
    explanation: Explanation,
    readings: tuple[Reading, ...] = (),
    assumed: str = "",
) -> dict[str, Any]:
    """The same as plain values, in seconds and bytes."""
    return {
        "name": found.plan.name,
        "optimality": found.plan.optimality.model_dump(mode="json"),
        "best": found.best.optimality.model_dump(mode="json"),
        "limits": list(explanation.limits),
        "breaches": [asdict(breach) for breach in found.breaches],
        "changes": [
            {
                "table": change.table,
                "before": _decision(change.before),
                "after": _decision(change.after),
                "objective_seconds": change.objective_seconds,
                "set": change.set_number,
            }
            for change in found.changes
        ],
        "is_offered": found.is_offered,
        "not_offered": list(found.not_offered),
        "readings": [asdict(each) for each in readings],
        "assumed": assumed,
    }


def _sections(
    found: Appraisal, explanation: Explanation, readings: tuple[Reading, ...], assumed: str
) -> Iterator[Section]:
    remarks = (*map(_reading, readings), *([assumed] if assumed else ()))
    if remarks:
        yield Section("How it was read", remarks=remarks)
    mine, best = found.plan.optimality, found.best.optimality
    yield Section(
        "How far from the best",
        str(mine.objective),
        Grid(
            (Column(""), Column("time", is_number=True), Column("above bound", is_number=True)),
            (
                ("this plan", words.seconds(mine.objective_seconds), words.gap(mine.gap)),
                ("best found", words.seconds(best.objective_seconds), words.gap(best.gap)),
                ("lower bound", words.seconds(mine.lower_bound_seconds), ""),
            ),
        ),
        (breach_words(found.breaches),) if found.breaches else (),
    )
    if explanation.limits:
        yield Section("What holds it up", remarks=explanation.limits)
    yield _changes(found)


def _changes(found: Appraisal) -> Section:
    title = "What to change first"
    remarks: tuple[str, ...] = ()
    if not found.is_offered:
        names = words.name_some(found.not_offered)
        remarks = (f"left as they are, since the spec allows no such way for them: {names}",)
    if not found.changes:
        none = "no other way for few tables was found that is noticeably faster"
        return Section(title, remarks=(none, *remarks))
    columns = (
        Column("table", is_name=True), Column("now", is_prose=True),
        Column("instead", is_prose=True), Column("then", is_number=True),
        Column("saves", is_number=True),
    )  # fmt: skip
    seconds = found.plan.optimality.objective_seconds
    rows, number = [], 0
    for change in found.changes:
        then, saved = "together", ""
        if change.set_number != number:
            then = words.seconds(change.objective_seconds)
            saved = words.seconds(seconds - change.objective_seconds)
        before, after = (_decision(each) for each in (change.before, change.after))
        rows.append((change.table, before, after, then, saved))
        seconds, number = change.objective_seconds, change.set_number
    best = words.seconds(found.best.optimality.objective_seconds)
    most = f"the most found for so few tables; the best plan that was found takes {best}"
    remarks = (*remarks, most)
    meaning = "one set after the other, all else left alone"
    return Section(title, meaning, Grid(columns, tuple(rows)), remarks)


def _reading(each: Reading) -> str:
    what = f"{each.stated} {each.how} is read as {each.read}, which lies alike"
    return f"{what}: {words.name_some(each.tables)}"


def _decision(decision: Decision) -> str:
    parts = [decision.sharding.name, decision.kernel.name]
    if decision.column_shards > 1:
        parts.insert(1, f"x{decision.column_shards}")
    if decision.sharding.lands is Extent.DEVICE:
        parts.append(f"ranks {compress(decision.targets)}")
    elif decision.sharding.lands is Extent.NODE:
        parts.append(f"nodes {compress(decision.targets)}")
    if decision.load_factor is not None:
        parts.append(f"cache {words.percent(decision.load_factor)}")
    if decision.replicated_rows:
        parts.append(f"{decision.replicated_rows:,} hot rows")
    return " ".join(parts)
