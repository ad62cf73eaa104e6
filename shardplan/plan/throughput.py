"""How many samples a plan trains on in a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from shardplan.plan.file.rounding import rounded
from shardplan.spec.spec import BatchSpec

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class Throughput:
    """A step's time is good or bad only beside the samples that it trains on."""

    global_batch: int
    """Samples of one step over all devices."""
    samples_per_second: float | None
    """The global batch over the predicted step; None for a step of no time."""

    @classmethod
    def of(cls, global_batch: int, step_seconds: float) -> Self:
        """That many samples in each step."""
        rate = rounded(global_batch / step_seconds) if step_seconds else None
        return cls(global_batch, rate)

    @classmethod
    def of_plan(cls, plan: Plan) -> Self | None:
        """What a plan predicts; None where it does not say on how many samples it trains."""
        written = (plan.resolved or {}).get("batch")
        try:
            devices = plan.replicas.world_size if plan.replicas else plan.world_size
            batch = BatchSpec.model_validate(written).global_batch(devices)
        except ValidationError:
            return None
        return cls.of(batch, plan.prediction.step_seconds)
