"""Published steps held against predictions, and how far predictions are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.calibrate.accuracy import Accuracy
from shardplan.validation.compared_step import ComparedStep
from shardplan.validation.use import Use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shardplan.validation.published_step import PublishedStep


@dataclass(frozen=True, slots=True)
class GroupAccuracy:
    """The checks of one framework on one kind of devices."""

    device_class: str
    framework: str
    accuracy: Accuracy
    largest_error: float
    """The error that is furthest from 0, with its sign."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Published steps beside their predictions."""

    steps: tuple[ComparedStep, ...]

    @classmethod
    def of(
        cls,
        published: Iterable[PublishedStep],
        hears: Callable[[ComparedStep], None] = lambda _: None,
    ) -> Validation:
        """Predict them all; ``hears`` is told of each. Raises as ``ComparedStep.of`` does."""
        found = []
        for step in published:
            found.append(ComparedStep.of(step))
            hears(found[-1])
        return cls(tuple(found))

    @property
    def checks(self) -> tuple[ComparedStep, ...]:
        """Those that count."""
        return tuple(
            step
            for step in self.steps
            if step.published.use is Use.CHECK and step.predicted is not None
        )

    @property
    def groups(self) -> tuple[GroupAccuracy, ...]:
        """The accuracy of the checks, by kind of devices and framework, as they come."""
        members: dict[tuple[str, str], list[ComparedStep]] = {}
        for step in self.checks:
            key = step.published.device_class.value, step.published.framework
            members.setdefault(key, []).append(step)
        return tuple(
            GroupAccuracy(*key, accuracy_of(steps), max(map(_error, steps), key=abs))
            for key, steps in members.items()
        )


def accuracy_of(steps: Iterable[ComparedStep]) -> Accuracy:
    """Of predicted steps, at least one."""
    pairs = [
        (step.predicted.seconds, step.published.measured.seconds)
        for step in steps
        if step.predicted is not None
    ]
    return Accuracy.of([one for one, _ in pairs], [other for _, other in pairs])


def _error(step: ComparedStep) -> float:
    return step.error or 0.0
