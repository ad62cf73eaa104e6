"""Predicted beside measured: by phase, and by rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.phases import DENSE
from shardplan.plan.file.rounding import rounded
from shardplan.plan.throughput import Throughput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.forecast import RankForecast
    from shardplan.plan.file.measured import Measured, MeasuredRank
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class PhaseBeside:
    """One phase, or the step."""

    name: str
    predicted_seconds: float | None
    """None for a phase that the plan does not know."""
    measured_seconds: float
    ratio: float | None
    """Measured over predicted; None where nothing was predicted."""
    is_hidden: bool
    """It may run while the step waits for others."""


@dataclass(frozen=True, slots=True)
class RankBeside:
    """One rank: seconds over the phases that are both predicted and measured, and HBM."""

    rank: int
    predicted_seconds: float
    measured_seconds: float
    ratio: float | None
    predicted_hbm_bytes: int
    measured_hbm_bytes: int | None


@dataclass(frozen=True, slots=True)
class BesideMeasured:
    """A plan's prediction held against a run."""

    name: str
    phases: tuple[PhaseBeside, ...]
    """In the plan's order, unknown ones behind them; the step last, where it was measured."""
    unmeasured: tuple[str, ...]
    """Phases that were predicted only."""
    ranks: tuple[RankBeside, ...]
    predicted_throughput: Throughput | None
    measured_throughput: Throughput | None
    """None where no step was measured, or the plan does not say on how many samples it trains."""


def beside_measured(plan: Plan, measured: Measured) -> BesideMeasured:
    """Pair what a plan predicts with what a run measured."""
    phases = tuple(_phases(plan, measured))
    found = {phase.name for phase in phases}
    predicted, took = Throughput.of_plan(plan), measured.step_seconds
    forecasts = {forecast.rank: forecast for forecast in plan.prediction.ranks}
    return BesideMeasured(
        name=plan.name,
        phases=phases,
        unmeasured=tuple(name for name in plan.prediction.phases if name not in found),
        ranks=tuple(
            _rank(forecasts[each.rank], each) for each in measured.ranks if each.rank in forecasts
        ),
        predicted_throughput=predicted,
        measured_throughput=(
            Throughput.of(predicted.global_batch, took) if predicted and took is not None else None
        ),
    )


def _phases(plan: Plan, measured: Measured) -> Iterator[PhaseBeside]:
    forecast = plan.prediction
    named = [*measured.phases, *(name for rank in measured.ranks for name in rank.phases)]
    predicted = forecast.phases | {DENSE.name: forecast.dense_seconds} | forecast.dense_parts
    for name in dict.fromkeys((*forecast.phases, *named)):
        seconds = measured.seconds_of(name)
        if seconds is not None:
            yield _beside(name, predicted.get(name), seconds, name in forecast.hideable)
    if measured.step_seconds is not None:
        yield _beside("step", forecast.step_seconds, measured.step_seconds, False)


def _beside(name: str, predicted: float | None, measured: float, is_hidden: bool) -> PhaseBeside:
    return PhaseBeside(name, predicted, measured, _ratio(measured, predicted), is_hidden)


def _rank(forecast: RankForecast, measured: MeasuredRank) -> RankBeside:
    common = [name for name in forecast.phases if name in measured.phases]
    predicted = rounded(sum(forecast.phases[name] for name in common))
    seconds = rounded(sum(measured.phases[name] for name in common))
    return RankBeside(
        rank=forecast.rank,
        predicted_seconds=predicted,
        measured_seconds=seconds,
        ratio=_ratio(seconds, predicted),
        predicted_hbm_bytes=forecast.memory_bytes.hbm,
        measured_hbm_bytes=measured.memory_bytes.get("hbm"),
    )


def _ratio(measured: float, predicted: float | None) -> float | None:
    return rounded(measured / predicted) if predicted else None
