"""A profile held against measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.calibrate.accuracy import Accuracy
from shardplan.calibrate.predict import is_predicted, predicted_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measurements.measurement import Measurement
    from shardplan.cost.profile.profile import Profile


@dataclass(frozen=True, slots=True)
class Compared:
    """One measurement and its prediction; ``position`` counts the file's measurements from 0."""

    position: int
    subject: str
    measured_seconds: float
    predicted_seconds: float

    @property
    def error(self) -> float:
        """``predicted / measured - 1``."""
        return self.predicted_seconds / self.measured_seconds - 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that a profile predicts of some measurements."""

    cases: tuple[Compared, ...]
    skipped: int
    """Measurements of what no cost model tells."""

    @property
    def subjects(self) -> dict[str, Accuracy]:
        """By what was measured, in the order of the file."""
        found: dict[str, list[Compared]] = {}
        for case in self.cases:
            found.setdefault(case.subject, []).append(case)
        return {subject: _accuracy(cases) for subject, cases in found.items()}

    def worst(self, count: int) -> list[Compared]:
        """The cases with the largest relative errors, the worst first."""
        return sorted(self.cases, key=lambda case: -abs(case.error))[:count]


def compare(profile: Profile, measurements: Sequence[Measurement]) -> Comparison:
    """Predict every measurement that a profile can predict.

    Raises ShardplanError for a collective or tier that the profile has no figures of.
    """
    kept = [(i, each) for i, each in enumerate(measurements) if is_predicted(each.probe)]
    seconds = predicted_seconds(profile, [each.probe for _, each in kept])
    cases = tuple(
        Compared(position, str(each.probe.subject), each.seconds, float(predicted))
        for (position, each), predicted in zip(kept, seconds, strict=True)
    )
    return Comparison(cases, len(measurements) - len(kept))


def _accuracy(cases: Sequence[Compared]) -> Accuracy:
    return Accuracy.of(
        [case.predicted_seconds for case in cases], [case.measured_seconds for case in cases]
    )
