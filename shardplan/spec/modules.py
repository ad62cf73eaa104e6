"""What a spec says of the modules that tables sit in."""

from __future__ import annotations

from pydantic import model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Flag
from shardplan.spec.validation.fault import fault
from shardplan.workload.collection import Collection, CollectionKind
from shardplan.workload.dtype import Dtype


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

    @model_validator(mode="after")
    def _check_kind(self) -> ModuleSpec:
        is_managed = self.kind is CollectionKind.MANAGED_COLLISION
        if self.pooled is not None and not is_managed:
            pools = "does not pool" if self.kind is CollectionKind.SEQUENCE else "pools"
            hint = "only of managed_collision there are both: leave it out"
            raise fault(f"a module of the kind {self.kind} {pools} as it is", hint, at=("pooled",))
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
        return Collection(self.kind, self.is_pooled, self.dedup, self.output_dtype)
