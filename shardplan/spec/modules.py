"""What a spec says of the modules that tables sit in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from shardplan.spec.batches.module_batch import ModuleBatchField
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Flag, Whole
from shardplan.spec.validation.fault import fault
from shardplan.workload.collection import Collection, CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.module.id_map import IdMap, IdMapPolicy

Steps = Annotated[Whole, Field(ge=1, le=10**6)]
"""How many steps."""


class IdMapSpec(Border):
    """How a managed collection maps raw ids to rows."""

    policy: IdMapPolicy = IdMapPolicy.LFU
    """How rows are found, and which makes room for a new id."""
    eviction_interval: Steps = 1
    """Steps between two evictions."""
    returns_ids: Flag = False
    """Whether the rows that ids were mapped to travel back (``return_remapped_features``)."""

    runtime_meta_dim: Annotated[Whole, Field(ge=0, le=10_000)] = 0
    """Numbers that a hashed map keeps of each row besides (``write_runtime_meta_dim``; one with
    ``track_id_freq``)."""

    @model_validator(mode="after")
    def _check_numbers(self) -> IdMapSpec:
        if self.runtime_meta_dim and not self.policy.is_hashed:
            hint = "only of hash and hash_evicting there are any: leave it out"
            message = f"a map of the policy {self.policy} keeps no such numbers"
            raise fault(message, hint, at=("runtime_meta_dim",))
        return self

    @property
    def id_map(self) -> IdMap:
        """The same for the planner."""
        interval, returns_ids = self.eviction_interval, self.returns_ids
        return IdMap(self.policy, interval, returns_ids, self.runtime_meta_dim)


class ModuleSpec(Border):
    """One module of the model: what kind it is, and what holds for all of its tables."""

    kind: CollectionKind = CollectionKind.BAG
    """TorchRec's class: ``bag`` pools, ``sequence`` gives a row for each id."""
    pooled: Flag | None = None
    """Whether a ``managed_collision`` collection pools, which it does by default."""
    dedup: Flag = False
    """Each device makes the ids of its batch distinct before they travel."""
    output_dtype: Dtype = Dtype.FP32
    """Number format of what lookups write."""
    batch: ModuleBatchField | None = None
    """Samples of one step that the module is called with; by default all."""
    id_map: IdMapSpec | None = None
    """How a ``managed_collision`` collection maps raw ids to rows."""

    @model_validator(mode="after")
    def _check_kind(self) -> ModuleSpec:
        is_managed = self.kind is CollectionKind.MANAGED_COLLISION
        if self.pooled is not None and not is_managed:
            pools = "does not pool" if self.kind is CollectionKind.SEQUENCE else "pools"
            hint = "only of managed_collision there are both: leave it out"
            raise fault(f"a module of the kind {self.kind} {pools} as it is", hint, at=("pooled",))
        if self.id_map is not None and not is_managed:
            message = f"ids of a module of the kind {self.kind} are rows as they are"
            hint = "only of managed_collision there is a map: leave it out"
            raise fault(message, hint, at=("id_map",))
        if self.dedup and self.is_pooled:
            hint = "of kind sequence, or of managed_collision with pooled: false"
            raise fault("ids are made distinct only where none are pooled", hint, at=("dedup",))
        return self

    @property
    def is_pooled(self) -> bool:
        """Whether there is one output per sample and feature, and not one per id."""
        if self.pooled is not None:
            return self.pooled
        return self.kind is not CollectionKind.SEQUENCE

    @property
    def collection(self) -> Collection:
        """The same for the planner."""
        is_managed = self.kind is CollectionKind.MANAGED_COLLISION
        id_map = (self.id_map or IdMapSpec()).id_map if is_managed else None
        return Collection(self.kind, self.is_pooled, self.dedup, self.output_dtype, id_map=id_map)
