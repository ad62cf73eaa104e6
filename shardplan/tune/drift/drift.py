"""Whether a running job still takes what it took, and which part of it moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phases import DENSE
from shardplan.tune.drift.change_point import ChangePoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.plan.file.measured import Measured
    from shardplan.plan.file.plan import Plan

STEP = "step"
FEWEST = 14
"""Of files: of fewer every other order may look as changed, by chance."""
ERROR = 0.01
"""The chance to see any drift where there is none."""
LEAST_CHANGE = 0.02
"""Relative: what moves less is not worth a word."""


@dataclass(frozen=True, slots=True)
class Term:
    """The step, or a phase, over the files that have it."""

    name: str
    predicted_seconds: float | None
    before_seconds: float
    """Median before the change; of all, where there is none."""
    after_seconds: float
    since: str
    """The first file after the change; empty where there is none."""
    chance: float
    """To see as much of a change where there is none, all terms counted."""
    is_hidden: bool
    """Whether it may run while the step waits for others."""

    @property
    def has_moved(self) -> bool:
        """By more than chance, and by more than is worth a word."""
        return bool(self.since)

    @property
    def moved_seconds(self) -> float:
        """By how much it is longer now."""
        return self.after_seconds - self.before_seconds


@dataclass(frozen=True, slots=True)
class Drift:
    """What the measured files of a plan's job say, in their order."""

    name: str
    files: int
    error: float
    terms: tuple[Term, ...]
    """The step first, then the phases, those that moved most in seconds before the others."""

    @property
    def has_drifted(self) -> bool:
        """Whether anything has moved."""
        return any(term.has_moved for term in self.terms)

    @classmethod
    def of(cls, plan: Plan, measured: Sequence[Measured], files: Sequence[str]) -> Drift:
        """``files`` are what the measurements are called. Raises ValueError of too few."""
        if len(measured) < FEWEST:
            raise ValueError(
                f"{len(measured)} measured files tell of no drift; it takes {FEWEST} at least"
            )
        series = list(_series(measured, files))
        terms = [_term(plan, *one, len(series)) for one in series]
        terms.sort(key=lambda term: (term.name != STEP, -abs(term.moved_seconds)))
        return cls(plan.name, len(measured), ERROR, tuple(terms))


_Series = tuple[str, list[float], list[str]]


def _series(measured: Sequence[Measured], files: Sequence[str]) -> Iterator[_Series]:
    """Name, seconds and files of the step and of each phase that enough files have."""
    names = [STEP]
    for each in measured:
        names += [*each.phases, *(name for rank in each.ranks for name in rank.phases)]
    for name in dict.fromkeys(names):
        found = [
            (seconds, file)
            for each, file in zip(measured, files, strict=True)
            if (seconds := each.step_seconds if name == STEP else each.seconds_of(name))
        ]
        if len(found) >= FEWEST:
            yield name, [seconds for seconds, _ in found], [file for _, file in found]


def _term(plan: Plan, name: str, seconds: list[float], files: list[str], terms: int) -> Term:
    values = np.array(seconds)
    change = ChangePoint.of(values)
    before, after = values[: change.position], values[change.position :]
    was, now = float(np.median(before)), float(np.median(after))
    chance = min(1.0, change.chance * terms)
    has_moved = chance < ERROR and abs(now / was - 1) > LEAST_CHANGE
    if not has_moved:
        was = now = float(np.median(values))
    forecast = plan.prediction
    predicted = forecast.phases | {DENSE.name: forecast.dense_seconds, STEP: forecast.step_seconds}
    since = files[change.position] if has_moved else ""
    hidden = name in forecast.hideable
    return Term(name, predicted.get(name) or None, was, now, since, chance, hidden)
