"""What a spec says of a table that is a hash table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from shardplan.spec.fields.amount import AmountField
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Whole
from shardplan.spec.validation.fault import fault
from shardplan.workload.dynamic.dynamic import (
    BUCKET_ROWS,
    SLOT_BYTES,
    Dynamic,
    DynamicMode,
    Eviction,
    IdDeal,
)

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class DynamicSpec(Border):
    """A table whose rows are made as ids come, as dynamicemb keeps it; ``rows`` are the most."""

    mode: DynamicMode = DynamicMode.AUTO
    """Where values lie: ``hbm``, ``caching``, ``hybrid``, ``host``, or as is best."""
    hbm_for_values: AmountField | None = None
    """The budget of HBM over all devices, as a size or as a share of all values; by default what is
    best."""
    bucket: Annotated[Whole, Field(ge=16, le=1 << 20, multiple_of=16)] = BUCKET_ROWS
    """Rows of a bucket of the hash table."""
    index_bytes: Annotated[Whole, Field(ge=1, le=1000)] = SLOT_BYTES
    """Of each row in the index: 29 where rows are evicted by two scores."""
    dist: IdDeal = IdDeal.ROUNDROBIN
    """Which device has the row of an id."""
    evict: Eviction = Eviction.LRU
    """Which row makes room where all are taken; ``none``: the index has twice the slots."""

    @model_validator(mode="after")
    def _check_budget(self) -> DynamicSpec:
        wholes = {DynamicMode.HBM: "all values are", DynamicMode.HOST: "no value is"}
        if self.hbm_for_values is not None and self.mode in wholes:
            message = f"{wholes[self.mode]} in HBM by the mode {self.mode}"
            raise fault(message, "leave one of the two out", at=("hbm_for_values",))
        return self

    @property
    def dynamic(self) -> Dynamic:
        """The same for the planner."""
        budget = self.hbm_for_values
        is_size = budget is not None and bool(budget.size_bytes)
        return Dynamic(
            mode=self.mode,
            hbm_bytes=budget.size_bytes if budget and is_size else None,
            hbm_share=budget.fraction if budget and not is_size else None,
            bucket_rows=self.bucket,
            slot_bytes=self.index_bytes,
            dist=self.dist,
            evict=self.evict,
        )


def _mode_alone(value: Any) -> Any:
    return {"mode": value} if isinstance(value, str) else value


class _ModeAlone:
    """Tells the schema that a mode may stand for a mapping."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "enum": [*DynamicMode]}, handler(core_schema)]}


DynamicField = Annotated[DynamicSpec, BeforeValidator(_mode_alone), _ModeAlone()]
"""A mode may stand for all else as it is by default."""
