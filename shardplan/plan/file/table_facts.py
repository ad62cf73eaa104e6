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
from shardplan.workload.module.pooling_type import PoolingType
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
    """Of each feature, its own samples for each of its module; without any, 1 of all."""
    pooling_type: PoolingType | None = None
    """Where not even that is said: the rows of a sample are added up, unless the model has it
    otherwise."""
    unpadded_dim: Positive | None = None
    """The columns that the model uses, where ``dim`` is more: the last ones are padding."""

    @property
    def is_mean(self) -> bool:
        """Whether the rows of a sample are averaged."""
        return self.pooling_type is PoolingType.MEAN

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
            | ({"pooling_type": table.pooling_type} if table.is_mean else {})
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
    batch_share: float | None = None
    """Samples that the module is called with for each of the whole batch; by default 1."""

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
            **({"batch_share": collection.batch_share} if collection.batch_share != 1 else {}),
        )

    @property
    def collection(self) -> Collection:
        """The same for executors."""
        share = 1.0 if self.batch_share is None else self.batch_share
        return Collection(self.kind, self.pooled, self.dedup, self.output_dtype, share)
