"""The plan file's ``tables`` and ``modules``: each as it was when the plan was made."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import TypeAdapter, model_validator

from shardplan.plan.file.plan_model import Count, PlanModel, Positive
from shardplan.plan.file.rounding import rounded
from shardplan.spec.fields.access import AccessField
from shardplan.spec.fields.padding import PaddingSpec
from shardplan.workload.collection import POOLED, Collection, CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.module.id_map import IdMap, IdMapPolicy
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
    poolings: tuple[float, ...] = ()
    """Mean ids per sample of each feature; without any, of all alike."""
    weighted: bool | None = None
    """Whether rows count by a weight that each id has; where not even that is said, as the model
    has it."""

    @property
    def is_mean(self) -> bool:
        """Whether the rows of a sample are averaged."""
        return self.pooling_type is PoolingType.MEAN

    @property
    def is_weighted(self) -> bool:
        """Whether each id has a weight, by which its row counts."""
        return self.weighted is True

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
            | ({"poolings": _rounded(table.poolings)} if len(set(table.poolings)) > 1 else {})
            | ({"weighted": True} if table.counts_weights else {})
            for table in tables
        ]
        return tuple(TypeAdapter(list[cls]).validate_python(facts))  # type: ignore[valid-type]


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(rounded(value) for value in values)


class IdMapFacts(PlanModel):
    """How a managed collection maps raw ids to rows; the names are those of the spec."""

    policy: IdMapPolicy
    eviction_interval: Positive
    returns_ids: bool
    runtime_meta_dim: Count

    @classmethod
    def of(cls, id_map: IdMap) -> Self:
        """What the plan file keeps of a map."""
        return cls(
            policy=id_map.policy,
            eviction_interval=id_map.interval,
            returns_ids=id_map.returns_ids,
            runtime_meta_dim=id_map.runtime_meta_dim,
        )

    @property
    def id_map(self) -> IdMap:
        """The same for executors."""
        return IdMap(self.policy, self.eviction_interval, self.returns_ids, self.runtime_meta_dim)


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
    id_map: IdMapFacts | None = None
    """How raw ids become rows, where collisions are managed."""

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
        # A key that is left out is not written.
        stated: dict[str, Any] = {}
        if collection.batch_share != 1:
            stated["batch_share"] = collection.batch_share
        if collection.id_map is not None:
            stated["id_map"] = IdMapFacts.of(collection.id_map)
        return cls(
            kind=collection.kind,
            pooled=collection.is_pooled,
            dedup=collection.dedup,
            output_dtype=collection.output_dtype,
            **stated,
        )

    @property
    def collection(self) -> Collection:
        """The same for executors."""
        share = 1.0 if self.batch_share is None else self.batch_share
        id_map = None if self.id_map is None else self.id_map.id_map
        return Collection(
            self.kind, self.pooled, self.dedup, self.output_dtype, share, id_map=id_map
        )
