"""Whether a running job still takes what it took, and which part of it moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phases import DENSE
from shardplan.plan.file.measured import Measured
from shardplan.tune.drift.change_point import ChangePoint
from shardplan.tune.drift.rank_shift import RankShift
from shardplan.tune.drift.spent_on import SpentOn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

STEP, BESIDE = "step", "beside the phases"
"""What is told besides the phases: all of a step, and what no phase takes of it."""
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
    parts: tuple[str, ...] = ()
    """Of a phase that moved, what it may be of all that the plan spends on it, by sharding type and
    kernel or collective, the largest first: each accounts for the change of all ranks."""
    ranks: tuple[int, ...] = ()
    """On which ranks it moved, where others of those measured did not."""

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
    def of(
        cls,
        plan: Plan,
        measured: Sequence[Measured],
        files: Sequence[str],
        case: Case | None = None,
        error: float = ERROR,
    ) -> Drift:
        """``files`` are what the measurements are called, ``case`` is what the plan was made for.

        Without it nothing is said of parts. Raises ValueError of too few files.
        """
        if len(measured) < FEWEST:
            raise ValueError(
                f"{len(measured)} measured files tell of no drift; it takes {FEWEST} at least"
            )
        spent = None if case is None else SpentOn.of(case, plan)
        series = list(_series(measured, files))
        terms = [each.term(plan, error / len(series), len(series), spent) for each in series]
        terms.sort(key=lambda term: (term.name != STEP, -abs(term.moved_seconds)))
        return cls(plan.name, len(measured), error, tuple(terms))


@dataclass(frozen=True, slots=True)
class _Series:
    """The step or a phase in the files that have it."""

    name: str
    seconds: tuple[float, ...]
    files: tuple[str, ...]
    measured: tuple[Measured, ...]

    def term(self, plan: Plan, error: float, terms: int, spent: SpentOn | None) -> Term:
        """What became of it; ``error`` is its share of the chance to err."""
        values = np.array(self.seconds)
        change = ChangePoint.of(values)
        before, after = values[: change.position], values[change.position :]
        was, now = float(np.median(before)), float(np.median(after))
        has_moved = change.chance < error and abs(now / was - 1) > LEAST_CHANGE
        forecast = plan.prediction
        predicted = forecast.phases | {
            DENSE.name: forecast.dense_seconds,
            STEP: forecast.step_seconds,
        }
        found = Term(
            name=self.name,
            predicted_seconds=predicted.get(self.name) or None,
            before_seconds=was if has_moved else float(np.median(values)),
            after_seconds=now if has_moved else float(np.median(values)),
            since=self.files[change.position] if has_moved else "",
            chance=min(1.0, change.chance * terms),
            is_hidden=self.name in forecast.hideable,
        )
        if not has_moved:
            return found
        sides = self.measured[: change.position], self.measured[change.position :]
        parts, ranks = _causes(RankShift.of(self.name, *sides), self.name, spent)
        return replace(found, parts=parts, ranks=ranks)


def _causes(
    shift: RankShift, name: str, spent: SpentOn | None
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The parts and ranks of a term that moved."""
    parts = spent.parts(name) if spent is not None else {}
    parts = dict(sorted(parts.items(), key=lambda part: -float(part[1].max())))
    if spent is not None and spent.is_exchange(name):
        return tuple(parts), ()  # Each rank waits for the slowest.
    moved = shift.moved(LEAST_CHANGE)
    ranks = tuple(shift.ranks[moved].tolist()) if not moved.all() else ()
    if not len(shift.ranks):
        return tuple(parts), ()
    total = np.maximum(sum(parts.values(), np.zeros(1)), 1e-300)
    like = (words for words, each in parts.items() if shift.is_like((each / total)[shift.ranks]))
    return tuple(like), ranks


def _series(measured: Sequence[Measured], files: Sequence[str]) -> Iterator[_Series]:
    """The step, each phase that enough files have, and what is left of the step."""
    names = [STEP]
    for each in measured:
        names += [*each.phases, *(name for rank in each.ranks for name in rank.phases)]
    for name in dict.fromkeys([*names, BESIDE]):
        found = [
            (seconds, file, each)
            for each, file in zip(measured, files, strict=True)
            if (seconds := _SECONDS.get(name, Measured.seconds_of)(each, name)) and seconds > 0
        ]
        if len(found) >= FEWEST:
            yield _Series(name, *zip(*found, strict=True))


def _of_step(measured: Measured, name: str) -> float | None:
    return measured.step_seconds


def _beside(measured: Measured, name: str) -> float | None:
    """What the phases leave of a step; None where none was measured, or they overlap."""
    names = {*measured.phases, *(phase for rank in measured.ranks for phase in rank.phases)}
    if not names or measured.step_seconds is None:
        return None
    return measured.step_seconds - sum(measured.seconds_of(each) or 0.0 for each in names)


_SECONDS: dict[str, Callable[[Measured, str], float | None]] = {STEP: _of_step, BESIDE: _beside}
