"""What a candidate has to reach."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from shardplan.plan.file.plan_model import PlanModel
from shardplan.plan.file.rounding import rounded


class TargetKind(StrEnum):
    """What is asked for."""

    THROUGHPUT = "throughput"
    """At least so many samples per second, of steps alone."""
    STEP = "step"
    """At most so many seconds for a step."""
    WITHIN = "within"
    """At most so many seconds for all samples, with all else that takes time."""


class Target(PlanModel):
    """What a candidate has to reach."""

    kind: TargetKind
    value: Annotated[float, Field(gt=0, le=1e30), AfterValidator(rounded)]
    """Samples per second, or seconds."""

    def step_seconds(self, global_batch: int) -> float | None:
        """The longest step of so many samples that reaches it; None where that is no matter of
        steps alone."""
        if self.kind is TargetKind.WITHIN:
            return None
        return self.value if self.kind is TargetKind.STEP else global_batch / self.value
