"""The plan file's ``tables`` and ``modules``: each as it was when the plan was made."""

from collections.abc import Sequence
from typing import Self

from pydantic import TypeAdapter, model_validator

from shardplan.plan.file.plan_model import PlanModel, Positive
from shardplan.plan.file.rounding import rounded
from shardplan.spec.fields.access import AccessField
from shardplan.spec.fields.padding import PaddingSpec
from shardplan.workload.collection import POOLED, Collection, CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.table import Table


class TableFacts(PlanModel):
    """A table as it was when the plan was made."""

    name: str
    module: str
    rows: Positive
    dim: Positive
    dtype: Dtype
    features: tuple[str, ...]
    pooling: float
    """Mean ids per sample, over all features."""
    access: AccessField | None = None
    """How ids hit its rows, as a spec has it; from format 1.1 on."""
    padding: PaddingSpec | None = None
    """The id that is but padding, where there is one."""
    batch_shares: tuple[float, ...] = ()
    """Of each feature, its own samples for each of the batch; without any, 1 of all."""

    unpadded_dim: Positive | None = None
    """The columns that the model uses, where ``dim`` is more: the last ones are padding."""

    @classmethod
    def of_all(cls, tables: Sequence[Table]) -> tuple[Self, ...]:
        """What the plan file keeps of tables."""
        facts = [
            {
                "name": table.name,
                "module": table.module,
                "rows": table.rows,
                "dim": table.dim,
                "dtype": table.dtype,
                "features": table.features,
                "pooling": rounded(table.pooling),
                "access": table.pattern,
            }
            | ({"padding": PaddingSpec.of(table.padding)} if table.padding else {})
            | ({"batch_shares": table.batch_shares} if table.batch_shares else {})
            | ({"unpadded_dim": table.unpadded_dim} if table.unpadded_dim else {})
            for table in tables
        ]
        return tuple(TypeAdapter(list[cls]).validate_python(facts))  # type: ignore[valid-type]


class ModuleFacts(PlanModel):
    """A module as it was when the plan was made; the names are those of the spec."""

    kind: CollectionKind
    pooled: bool
    """One output per sample and feature; otherwise one per id."""
    dedup: bool
    """Whether each rank makes the ids of its batch distinct before they travel."""
    output_dtype: Dtype
    """Number format of what lookups write."""

    @model_validator(mode="after")
    def _check_traits(self) -> Self:
        """Raise ValueError where they contradict each other."""
        self.collection  # noqa: B018
        return self

    @classmethod
    def of_all(cls, tables: Sequence[Table]) -> dict[str, Self]:
        """By path, the modules of these tables that are not what a module is by itself."""
        return {
            table.module: cls.of(table.collection) for table in tables if table.collection != POOLED
        }

    @classmethod
    def of(cls, collection: Collection) -> Self:
        """The traits of a collection."""
        return cls(
            kind=collection.kind,
            pooled=collection.is_pooled,
            dedup=collection.dedup,
            output_dtype=collection.output_dtype,
        )

    @property
    def collection(self) -> Collection:
        """The same for executors."""
        return Collection(self.kind, self.pooled, self.dedup, self.output_dtype)
