"""How long a training is beside its steps: samples, evaluations, failures, workers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, model_validator

from shardplan.spec.fields.border import Border, Shorthand
from shardplan.spec.fields.money import PerHour
from shardplan.spec.fields.numeric import as_number
from shardplan.spec.fields.quantities import BytesPerSecond, Count, Number, Seconds
from shardplan.spec.sizing.target_spec import Samples, SamplesPerSecond
from shardplan.spec.text.scalars import ScalarError, resolve
from shardplan.spec.validation.fault import fault

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class SamplesSpec(Shorthand):
    """Samples until the model is good enough, which grow with the batch."""

    plain: ClassVar[str] = "batches"

    batches: tuple[tuple[Count, Samples], ...] | None = None
    """Pairs of a global batch and its samples; may be written as a plain list, or as a mapping from
    batches, ``{65536: 3.33e9}``."""
    minimum: Samples | None = None
    """In place of pairs: those of the smallest batches; ..."""
    critical_batch: Annotated[Number, Field(ge=1, le=1e12)] | None = None
    """... and the global batch that needs twice as many."""

    @model_validator(mode="before")
    @classmethod
    def _accept_mapping(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        batches = {_number_of(key): samples for key, samples in value.items()}
        if None in batches or len(batches) < max(len(value), 1):
            return value
        rising = sorted(batch for batch in batches if batch is not None)
        return {cls.plain: [[batch, batches[batch]] for batch in rising]}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = super().__get_pydantic_json_schema__(core_schema, handler)
        mapping = {
            "type": "object",
            "propertyNames": {"pattern": "^[0-9]"},
            "additionalProperties": {"type": "number", "minimum": 1},
        }
        return {"anyOf": [*described["anyOf"], mapping]}

    @model_validator(mode="after")
    def _check(self) -> SamplesSpec:
        given = tuple(
            each is not None for each in (self.batches, self.minimum, self.critical_batch)
        )
        if given not in ((True, False, False), (False, True, True)):
            message = "must be pairs of a batch and its samples, or 'minimum' and 'critical_batch'"
            raise fault(message, "for example {65536: 3.33e9, 131072: 3.87e9}")
        if self.batches is not None:
            batches = [batch for batch, _ in self.batches]
            if not batches or any(one >= next_ for one, next_ in pairwise(batches)):
                raise fault("must be pairs whose batches rise", "write each batch once, rising")
        return self


def _number_of(key: object) -> float | None:
    """What a key says that is a number, which readers of YAML and JSON take for text."""
    try:
        return as_number(resolve(key) if isinstance(key, str) else key)
    except ScalarError:
        return None


class EvaluationsSpec(Border):
    """Evaluations between steps."""

    every: Samples
    """Samples from one to the next; there is one at the end."""
    time: Seconds
    """What one takes."""


class FailuresSpec(Border):
    """What goes wrong, and what is done against it."""

    per_node_day: Annotated[Number, Field(ge=0, le=1000)]
    """Failures of one node in a day that end the job."""
    restart: Seconds = 0.0
    """From a failure until steps are made again."""
    checkpoint: Seconds | None = None
    """What a checkpoint holds the job up."""
    checkpoint_rate: BytesPerSecond | None = None
    """In place of it: at which each node writes its part of the weights and the state."""
    interval: Seconds | None = None
    """From one checkpoint to the next; the best of Young and Daly where left out."""

    @model_validator(mode="after")
    def _check(self) -> FailuresSpec:
        if self.checkpoint is not None and self.checkpoint_rate is not None:
            raise fault("must have only one of 'checkpoint' and 'checkpoint_rate'")
        if self.interval == 0:
            raise fault("must be more than nothing", "for example 30min", at=("interval",))
        return self


class WorkersSpec(Border):
    """Machines that prepare samples."""

    throughput: SamplesPerSecond
    """Of one."""
    price: PerHour
    """Of one."""
