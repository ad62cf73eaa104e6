"""Published steps beside their predictions -> Report, JSON, a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.part import Part
from shardplan.explain.render.scatter import scatter_plot
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words.words import plural
from shardplan.units import format_seconds
from shardplan.validation.use import Use
from shardplan.validation.validation import accuracy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.calibrate.accuracy import Accuracy
    from shardplan.validation.compared_step import ComparedStep
    from shardplan.validation.validation import Validation

TITLE = "Predicted beside published"

_METHOD = (
    "Each published step is planned from its model, batch, machine, formats and framework, with "
    "the sharding types that its source allows, and predicted under the plan found. The plan that "
    "was run is published for none of them; that of TensorFlow 2 on several devices follows from "
    "the code of its planner.",
    "No constant is fitted to a check; what is fitted to a step says so, and that step is no "
    "check. The exponent of the ids' skew is the customary one, and was kept because these steps "
    "agree with it: half the freedom of a fit. That gradients are summed beside the backward pass "
    "under HugeCTR, and that collectives start once for all tables, was settled with these steps "
    "in view, each by its source; so was what HugeCTR, Intel's PyTorch and TensorFlow 2 pass over, "
    "by their code, that ids and rows take as long as processors issue instructions, and that "
    "products go in waves on some devices, by the measured products alone.",
    "explain multiplies a predicted step by the least and the largest of measured over predicted "
    "of the checks of its framework on its kind of devices; where there are fewer than three, of "
    "any framework there, or of all. One more step like n of them lies within with odds "
    "(n - 1) : 2.",
)
"""What a reader must know of them."""


@dataclass(frozen=True, slots=True)
class StepNumbers:
    """One step, as JSON tells it."""

    id: str
    model: str
    device: str
    kind: str
    framework: str
    devices: int
    nodes: int
    global_batch: int
    use: str
    reason: str
    measured_seconds: float
    lowest_run_seconds: float | None
    highest_run_seconds: float | None
    provenance: str
    source: str
    predicted_seconds: float | None
    error: float | None
    gap: float | None
    part_seconds: dict[str, float]
    score_seconds: float | None
    rebuilt_seconds: float | None
    train_seconds: float | None
    why: str


@dataclass(frozen=True, slots=True)
class GroupNumbers:
    """The checks of one framework on one kind of devices, or all of them."""

    kind: str
    framework: str
    count: int
    mean_error: float
    largest_error: float
    bias: float
    rank_correlation: float | None
    """None of a single step, which has no order."""


@dataclass(frozen=True, slots=True)
class ValidationNumbers:
    """All that is told, as JSON tells it."""

    steps: tuple[StepNumbers, ...]
    accuracy: tuple[GroupNumbers, ...]


def validation_numbers(found: Validation) -> ValidationNumbers:
    """The numbers of the report."""
    return ValidationNumbers(
        tuple(map(_step_numbers, found.steps)),
        tuple(
            GroupNumbers(
                group.device_class,
                group.framework,
                group.accuracy.count,
                group.accuracy.mean_error,
                group.largest_error,
                group.accuracy.bias,
                group.accuracy.rank_correlation if group.accuracy.count > 1 else None,
            )
            for group in found.groups
        ),
    )


def _step_numbers(step: ComparedStep) -> StepNumbers:
    published, predicted = step.published, step.predicted
    parts = predicted.part_seconds if predicted else {}
    return StepNumbers(
        id=published.id,
        model=published.model,
        device=published.device,
        kind=published.device_class.value,
        framework=published.framework,
        devices=published.devices,
        nodes=published.nodes,
        global_batch=published.global_batch,
        use=published.use.value,
        reason=published.reason,
        measured_seconds=published.measured.seconds,
        lowest_run_seconds=published.measured.lowest_seconds,
        highest_run_seconds=published.measured.highest_seconds,
        provenance=published.measured.provenance.value,
        source=published.measured.source,
        predicted_seconds=predicted.seconds if predicted else None,
        error=step.error,
        gap=predicted.gap if predicted else None,
        part_seconds={part.value: seconds for part, seconds in parts.items()},
        score_seconds=published.run.score_seconds if published.run else None,
        rebuilt_seconds=step.rebuilt_seconds,
        train_seconds=step.train_seconds,
        why=published.why,
    )


def validation_report(found: Validation) -> Report:
    """Accuracy, steps, time to train, and why each step is off."""
    sections = [
        Section("How they come about", remarks=_METHOD),
        *_accuracy(found),
        _steps(found),
        *_training(found),
        _reasons(found),
    ]
    return Report(TITLE, tuple(sections))


def _accuracy(found: Validation) -> Iterator[Section]:
    if not found.checks:
        return
    groups = [
        (group.device_class, group.framework, group.accuracy, group.largest_error)
        for group in found.groups
    ]
    if len(groups) > 1:
        largest = max((error for *_, error in groups), key=abs)
        groups.append(("all", "all", accuracy_of(found.checks), largest))
    columns = (
        Column("devices"),
        Column("framework", is_name=True),
        Column("steps", True),
        Column("MAPE", True),
        Column("largest", True),
        Column("bias", True),
        Column("Spearman", True),
    )
    yield Section(
        "Accuracy",
        "of the checks alone: steps whose inputs are known and to which nothing was fitted. MAPE: "
        "mean of |predicted / measured - 1|; bias: mean of predicted / measured - 1",
        Grid(columns, tuple(_group(*group) for group in groups)),
    )


def _group(kind: str, framework: str, accuracy: Accuracy, largest_error: float) -> tuple[str, ...]:
    return (
        kind,
        framework,
        f"{accuracy.count}",
        f"{accuracy.mean_error:.1%}",
        f"{largest_error:+.1%}",
        f"{accuracy.bias:+.1%}",
        f"{accuracy.rank_correlation:.3f}" if accuracy.count > 1 else "-",
    )


def _steps(found: Validation) -> Section:
    columns = (
        Column("step"),
        Column("devices", True, spare=1),
        Column("batch", True, spare=2),
        Column("measured", True),
        Column("predicted", True),
        Column("off", True),
        *(Column(part.value, True, spare=3) for part in Part),
        Column("use"),
    )
    return Section(
        "Steps",
        "of a prediction, what the step waits for: by part, so that they add up to it",
        Grid(columns, tuple(_step(step) for step in found.steps)),
    )


def _step(step: ComparedStep) -> tuple[str, ...]:
    published, predicted = step.published, step.predicted
    parts = predicted.part_seconds if predicted else {}
    return (
        published.id,
        f"{published.devices}",
        f"{published.global_batch:,}",
        format_seconds(published.measured.seconds),
        format_seconds(predicted.seconds) if predicted else "-",
        f"{step.error:+.1%}" if step.error is not None else "-",
        *(_seconds(parts.get(part, 0.0)) for part in Part),
        published.use.value,
    )


def _seconds(seconds: float) -> str:
    return format_seconds(seconds) if seconds else "-"


def _training(found: Validation) -> Iterator[Section]:
    """Of steps that have a score."""
    rows = [
        (
            step.published.id,
            _minutes(run.score_seconds),
            _minutes(step.rebuilt_seconds),
            _off(step.rebuilt_seconds, run.score_seconds),
            _minutes(step.train_seconds),
            _off(step.train_seconds, run.score_seconds),
        )
        for step in found.steps
        if (run := step.published.run) is not None
    ]
    if rows:
        columns = (
            Column("step"),
            Column("score", True),
            Column("rebuilt", True),
            Column("off", True),
            Column("predicted", True),
            Column("off", True),
        )
        yield Section(
            "Time to train",
            "in minutes. Rebuilt: from the measured step, samples and evaluations of the run, "
            "without what starts and ends a run. Predicted: from the predicted step and the "
            "samples that a model needs at that batch; evaluations take what they took",
            Grid(columns, tuple(rows)),
        )


def _minutes(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 60:.2f}"


def _off(seconds: float | None, measured: float) -> str:
    return "-" if seconds is None else f"{seconds / measured - 1:+.1%}"


def _reasons(found: Validation) -> Section:
    columns = (Column("step"), Column("off", True), Column("why", is_prose=True))
    rows = tuple(
        (
            step.published.id,
            f"{step.error:+.1%}" if step.error is not None else "-",
            _why(step),
        )
        for step in found.steps
    )
    return Section("Why each is off", grid=Grid(columns, rows))


def _why(step: ComparedStep) -> str:
    published = step.published
    use = "" if published.use is Use.CHECK else f"No check: {published.reason}. "
    return f"{use}{published.why}"


def validation_scatter(found: Validation, *, as_page: bool = False) -> str:
    """Predicted beside measured, by kind of devices and framework, as SVG or as a page of it."""
    series: dict[str, list[tuple[float, float]]] = {}
    for step in found.steps:
        if step.predicted is not None:
            name = f"{step.published.framework}, {step.published.device_class.value}"
            point = step.published.measured.seconds, step.predicted.seconds
            series.setdefault(name, []).append(point)
    drawn = scatter_plot(f"{TITLE}: {plural(sum(map(len, series.values())), 'step')}", series)
    if not as_page:
        return drawn
    from shardplan.explain.render.html.page import render_html_picture

    return render_html_picture(TITLE, drawn)
