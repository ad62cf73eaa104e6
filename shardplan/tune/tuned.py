"""What a tuning found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Of one plan."""

    BEST = "best"
    SLOWER = "slower"
    """Surely, by the error stated."""
    NO_FASTER = "no faster"
    """Surely not by more than the margin."""
    OPEN = "open"
    """It may be the faster one: the measurements do not tell."""
    FAILED = "failed"
    UNTRIED = "not run"
    """The budget was spent, or it was stopped."""


class End(StrEnum):
    """Why a tuning ended."""

    SETTLED = "settled"
    """The best plan has not changed for some rounds, or nothing new was left to run."""
    ROUNDS = "rounds"
    BUDGET = "budget"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    """The job failed again and again under plans that it had run before."""


@dataclass(frozen=True, slots=True)
class TunedPlan:
    """One plan that was chosen to be run."""

    name: str
    origin: str
    round: int
    is_given: bool
    also: tuple[str, ...]
    """Plans that turned out to be like this one, but for the names of devices."""
    outcome: Outcome
    predicted_seconds: float
    """By the cost model that the spec names."""
    corrected_seconds: float | None
    """By the corrected one; None where it was not corrected."""
    measured_seconds: float | None
    """Of a step: the mean of its runs, without what lies far out and what the passes did to all."""
    runs: int
    ratio: float | None
    """Measured over the best plan's, in the passes that had both."""
    least_ratio: float | None
    """Below which that is no more than by the error stated."""
    failure: str = ""
    said: tuple[str, ...] = ()
    """The last lines of the job that failed."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of predictions of the plans that ran."""

    mean_error: float
    """Mean of abs(predicted / measured - 1)."""
    rank_correlation: float | None
    """Spearman's; None of fewer than three plans."""


@dataclass(frozen=True, slots=True)
class CorrectedTerm:
    """One line of the corrected cost model."""

    phase: str
    sharding: str
    """Empty where it is of the whole phase."""
    factor: float
    per_step_seconds: float
    per_table_seconds: float
    per_group_seconds: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """All of it."""

    name: str
    """Of the spec."""
    command: str
    best: str
    """The name of the fastest plan."""
    end: End
    rounds: int
    """That were gone through."""
    runs: int
    noise: float
    """Of one run, relative."""
    error: float
    margin: float
    is_certain: bool
    """Whether no plan that ran may be faster than the best by more than the margin."""
    plans: tuple[TunedPlan, ...]
    """The fastest first, then those that did not run."""
    terms: tuple[CorrectedTerm, ...]
    calibrated: Accuracy
    corrected: Accuracy | None
    """None where the cost model is of a kind that cannot be corrected."""
