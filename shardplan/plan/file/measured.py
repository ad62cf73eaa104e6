"""What a running job measured, to be held beside what its plan predicted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from shardplan.errors import InputError
from shardplan.plan.file.plan_model import Count, PlanModel, Seconds
from shardplan.spec.text.document import read_file
from shardplan.spec.validation.validation import diagnose

if TYPE_CHECKING:
    from typing import Self


class MeasuredRank(PlanModel):
    """What one rank spent in each phase, and what it held."""

    rank: Count
    phases: dict[str, Seconds] = Field(default_factory=dict)
    """By the names of the plan's phases: seconds of a step."""
    memory_bytes: dict[str, Count] = Field(default_factory=dict)
    """By tier: the most that was held at a time."""
    cache: dict[str, Any] = Field(default_factory=dict)
    """What its caches did; kept, and not compared."""


class Measured(PlanModel):
    """A file of measurements; keys unknown here are ignored."""

    step_seconds: Seconds | None = None
    """One step from its beginning to its end; absent where only phases were timed."""
    phases: dict[str, Seconds] = Field(default_factory=dict)
    """By the names of the plan's phases: seconds of its slowest rank. Of a phase that is absent
    here the slowest of ``ranks`` is taken."""
    ranks: tuple[MeasuredRank, ...] = ()

    @classmethod
    def read(cls, path: str) -> Self:
        """Read a JSON file, ``-`` for standard input.

        Raises InputError with every fault found, each with its line, or where nothing is measured.
        """
        document = read_file(path)
        try:
            # As JSON, so that lists may stand for tuples, and yet text for no number.
            found = cls._validate(document.value)
        except ValidationError as error:
            raise InputError(diagnose(cls, document, (), error, cls._validate)) from None
        if found.step_seconds is None and not found.phases and not found.ranks:
            message = "holds nothing that was measured"
            hint = "expected step_seconds, phases or ranks"
            raise InputError([document.diagnostic((), message, hint, "measured")])
        return found

    @classmethod
    def _validate(cls, value: Any) -> Self:
        return cls.model_validate_json(json.dumps(value))

    def seconds_of(self, phase: str) -> float | None:
        """What a phase took; None where it was not measured."""
        if phase in self.phases:
            return self.phases[phase]
        return max((r.phases[phase] for r in self.ranks if phase in r.phases), default=None)
