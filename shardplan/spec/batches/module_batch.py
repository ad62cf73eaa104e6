"""A module that is called with a batch of its own size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Count, Share
from shardplan.spec.validation.fault import fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec

Samples = Annotated[Count, Field(le=10**9)]
"""Samples of one step."""


class ModuleBatchSpec(Border):
    """Samples that a module is called with in one step: exactly one of three ways to say it."""

    share: Share | None = None
    """Of the samples of the whole batch."""
    local: Samples | None = None
    """On each device."""
    global_: Samples | None = Field(default=None, alias="global")
    """Over all devices."""

    @model_validator(mode="after")
    def _check_one(self) -> ModuleBatchSpec:
        if sum(each is not None for each in (self.share, self.local, self.global_)) != 1:
            message = "must have exactly one of 'share', 'local' and 'global'"
            raise fault(message, "for example {local: 512}, or 12.5%")
        return self

    def share_of(self, global_batch: int, world_size: int) -> float:
        """Of the samples of the whole batch, those that the module is called with."""
        if self.share is not None:
            return self.share
        samples = self.global_ if self.global_ is not None else (self.local or 0) * world_size
        return samples / global_batch


def _share_alone(value: Any) -> Any:
    return value if isinstance(value, dict | ModuleBatchSpec) else {"share": value}


class _ShareAlone:
    """Tells the schema that a share may stand for a mapping."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": ["number", "string"]}, handler(core_schema)]}


ModuleBatchField = Annotated[ModuleBatchSpec, BeforeValidator(_share_alone), _ShareAlone()]
"""A share may stand for a mapping."""


def check_module_batches(loaded: LoadedSpec, world_size: int) -> Iterator[Diagnostic]:
    """Modules with more samples than there are, or with other numbers on some devices."""
    batch = loaded.spec.batch.global_batch(world_size)
    for path, module in (loaded.spec.modules or {}).items():
        own = module.batch
        if own is None:
            continue
        if own.global_ is not None and own.global_ % world_size:
            where = ("modules", path, "batch", "global")
            message = (
                f"{own.global_:,} samples are no whole number on each of {world_size:,} devices"
            )
            hint = f"write a multiple of {world_size:,}"
            yield loaded.document.diagnostic(where, message, hint, "batch")
        if own.share_of(batch, world_size) > 1:
            where = ("modules", path, "batch", "local" if own.local is not None else "global")
            message = f"a step has {batch:,} samples on all devices, and the module more than that"
            hint = "batch has the samples of the whole step: raise it, or lower this one"
            yield loaded.document.diagnostic(where, message, hint, "batch")
