"""Tuned -> Report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.tune.tuned import End, Outcome

if TYPE_CHECKING:
    from shardplan.tune.tuned import Accuracy, CorrectedTerm, Tuned, TunedPlan

_NOTHING = "-"
_ENDS = {
    End.SETTLED: "nothing better was left to run",
    End.ROUNDS: "all rounds were gone through",
    End.BUDGET: "the budget was spent",
    End.INTERRUPTED: "it was interrupted",
    End.FAILED: "the job does not run any more: mend it and run tune again",
}


def tune_report(found: Tuned) -> Report:
    """The plans, the fastest first; what failed; how the cost model was corrected."""
    sections = [_plans(found), *_failures(found)]
    if found.corrected is not None:
        sections.append(_corrections(found))
    return Report(f"{found.name}: plans by the clock", tuple(sections), _closing(found))


def _closing(found: Tuned) -> str:
    best = found.plans[0]
    return (
        f"best: {best.name}, {words.seconds(best.measured_seconds or 0.0)} a step; "
        f"{words.plural(found.runs, 'run')} in {words.plural(found.rounds, 'round')}, "
        f"and {_ENDS[found.end]}"
    )


def _plans(found: Tuned) -> Section:
    columns = (
        Column("plan", is_name=True),
        Column("what it is", is_prose=True, spare=2),
        Column("predicted", True),
        Column("corrected", True, spare=1),
        Column("measured", True),
        Column("runs", True),
        Column("beside the best", True),
        Column("so it is"),
    )
    meaning = (
        "seconds of a step: predicted by the spec's cost model and by the corrected one, and the "
        "mean of the runs, without what lies far out and what drift did to all plans; beside the "
        "best: in the same passes"
    )
    return Section("Plans", meaning, Grid(columns, tuple(map(_plan, found.plans))), _sure(found))


def _plan(plan: TunedPlan) -> tuple[str, ...]:
    return (
        plan.name,
        "; also ".join([plan.origin, *([", ".join(plan.also)] if plan.also else [])]),
        words.seconds(plan.predicted_seconds),
        _seconds(plan.corrected_seconds),
        _seconds(plan.measured_seconds),
        f"{plan.runs}",
        _NOTHING if plan.ratio is None else f"x{plan.ratio:.3f}",
        plan.outcome.value,
    )


def _sure(found: Tuned) -> tuple[str, ...]:
    """How surely the best is the best."""
    chance = words.percent(found.error)
    noise = f"a run differs from the next by {words.percent(found.noise)}"
    margin = f"{100 * found.margin:g}%"
    if found.is_certain:
        said = f"no plan that ran is faster than the best by more than {margin}"
        return (f"{said}, with an error of {chance} at most; {noise}",)
    least = min(
        (plan.least_ratio or 0.0 for plan in found.plans if plan.outcome is Outcome.OPEN),
        default=0.0,
    )
    names = [plan.name for plan in found.plans if plan.outcome is Outcome.OPEN]
    may = f"a step may take x{least:.3f} of the best" if least else "nothing is known of how much"
    said = f"open: {words.name_some(names)} may be faster than the best; {may}"
    return (f"{said}, with an error of {chance} at most; {noise}",)


def _failures(found: Tuned) -> list[Section]:
    failed = [plan for plan in found.plans if plan.outcome is Outcome.FAILED]
    if not failed:
        return []
    columns = (
        Column("plan", is_name=True), Column("why", is_prose=True), Column("said", is_prose=True)
    )  # fmt: skip
    rows = tuple((plan.name, plan.failure, " | ".join(plan.said)) for plan in failed)
    return [Section("Left out", "the job failed under them", Grid(columns, rows))]


def _corrections(found: Tuned) -> Section:
    columns = (
        Column("phase"),
        Column("of", spare=0),
        Column("factor", True),
        Column("a step", True),
        Column("a sharding type", True),
        Column("a table", True),
    )
    remarks = [_accuracy("before", found.calibrated)]
    if found.corrected is not None:
        remarks.append(_accuracy("after", found.corrected))
    meaning = "measured over predicted, and what is added; near 1 where the runs tell nothing"
    rows = tuple(map(_term, found.terms))
    return Section("Corrections", meaning, Grid(columns, rows), tuple(remarks))


def _term(term: CorrectedTerm) -> tuple[str, ...]:
    added = (term.per_step_seconds, term.per_group_seconds, term.per_table_seconds)
    whose = term.sharding or "all"
    return (term.phase, whose, f"x{term.factor:.3f}", *(words.seconds(each) for each in added))


def _accuracy(when: str, found: Accuracy) -> str:
    order = "" if found.rank_correlation is None else f", Spearman {found.rank_correlation:.3f}"
    return f"{when}: MAPE {words.percent(found.mean_error)} of the plans that ran{order}"


def _seconds(value: float | None) -> str:
    return _NOTHING if value is None else words.seconds(value)
