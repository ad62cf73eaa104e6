"""What training has to reach."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Number, Seconds
from shardplan.spec.validation.fault import fault

Samples = Annotated[Number, Field(ge=1, le=1e18)]
"""So many samples that they are written ``3.2e9``."""

SamplesPerSecond = Annotated[Number, Field(gt=0, le=1e15)]
"""Throughput."""


class TargetSpec(Border):
    """One of three: a throughput, a number of samples within a time, or a step."""

    throughput: SamplesPerSecond | None = None
    """Samples per second, of steps alone."""
    within: Seconds | None = None
    """The time that all samples may take, with evaluations, failures and checkpoints."""
    samples: Samples | None = None
    """With ``within``: how many; those of ``samples_to_target`` where left out."""
    step: Seconds | None = None
    """The longest that a step may be."""

    @model_validator(mode="after")
    def _check_one(self) -> TargetSpec:
        given = [self.throughput, self.within, self.step]
        if sum(each is not None for each in given) != 1:
            message = "must have exactly one of 'throughput', 'within' and 'step'"
            raise fault(message, "for example {throughput: 20e6}")
        if self.samples is not None and self.within is None:
            raise fault("goes with 'within'", "for example {samples: 3.2e9, within: 10min}")
        for name in ("within", "step"):
            if getattr(self, name) == 0:
                raise fault("must be more than nothing", "for example 3ms", at=(name,))
        return self
