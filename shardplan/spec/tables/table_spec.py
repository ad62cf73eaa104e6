"""The tables of a spec, and what holds for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from shardplan.spec.fields.access import AccessField
from shardplan.spec.fields.border import Border, Name, is_name
from shardplan.spec.fields.hot_ids import HotIds
from shardplan.spec.fields.loss import Loss
from shardplan.spec.fields.numeric import as_number
from shardplan.spec.fields.padding import PaddingSpec
from shardplan.spec.fields.quantities import Count, Flag, Fraction, Share, Whole
from shardplan.spec.tables.dynamic_spec import DynamicField
from shardplan.spec.tables.taken_names import TAKEN_NAMES
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.module.pooling_type import PoolingType
from shardplan.workload.row_order import RowOrder
from shardplan.workload.serving.side import Side
from shardplan.workload.serving.stored_format import StoredFormat

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_POOLING = 1_000_000

MOST_ROWS = 10**13
"""More than any table has."""
Rows = Annotated[Count, Field(le=MOST_ROWS)]
"""Rows of a table."""


def _check_table_name(name: str) -> str:
    if "." in name:
        raise fault("must not hold a dot", "TorchRec keeps tables as modules of that name")
    if name in TAKEN_NAMES:
        raise fault("is the name of a method of torch.nn.ModuleDict, which holds the tables")
    return name


def _check_module(path: Any) -> Any:
    if isinstance(path, str) and path and not all(map(is_name, path.split("."))):
        raise fault(
            "must be names of modules joined by dots, like sparse.ebc; empty for the model itself",
            "a name is not empty, does not begin or end with a space, holds no control characters",
        )
    return path


TableName = Annotated[Name, AfterValidator(_check_table_name)]
"""A name under which TorchRec can keep a table."""

ModulePath = Annotated[str, BeforeValidator(_check_module), Field(max_length=1000)]
"""Where a module sits in a model: names joined by dots, each as PyTorch would hold it."""

MOST_COLUMNS = 65_536
"""More than any table has."""
Dim = Annotated[Whole, Field(ge=1, le=MOST_COLUMNS)]
"""Columns of a table; planned with more, where FBGEMM's kernels take no such number."""


def _reader(least: int, below: str = "") -> Callable[[Any], float | tuple[float, ...]]:
    """Of a number from ``least`` on, or a list of such; ``below`` is what to do about a smaller."""

    def read(value: Any) -> float | tuple[float, ...]:
        if not isinstance(value, list):
            return one(value, ())
        if not value:
            raise fault("must have one number per feature")
        return tuple(one(each, (index,)) for index, each in enumerate(value))

    def one(value: Any, at: tuple[int, ...]) -> float:
        number = as_number(value)
        if number is None:
            message = "must be a number, or a list with one per feature" + got(value)
            raise fault(message, "", "type", at)
        if not least <= number <= _LONGEST_POOLING:
            message = f"must be at least {least} and at most {_LONGEST_POOLING:,}" + got(value)
            raise fault(message, below if number < least else "", "range", at)
        return number

    return read


def _write_pooling(pooling: float | tuple[float, ...] | None) -> Any:
    if isinstance(pooling, tuple):
        return [_write_pooling(each) for each in pooling]
    return int(pooling) if pooling is not None and pooling.is_integer() else pooling


_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}
)

Pooling = Annotated[
    float | tuple[float, ...],
    PlainValidator(_reader(0)),
    PlainSerializer(_write_pooling),
    _SCHEMA,
]
"""Mean ids per sample: one number for each of the features alike, or a list, one per feature."""

NumPoolings = Annotated[
    float | tuple[float, ...],
    PlainValidator(
        _reader(1, "a feature with fewer samples than its module has a share in batch.features")
    ),
    PlainSerializer(_write_pooling),
    _SCHEMA,
]
"""Samples of its own of a feature: one number for each alike, or a list, one per feature."""

QualityLoss = dict[StoredFormat, Loss]
"""Of each format for the rows of a table, in the user's unit."""


class PruneSpec(Border):
    """Rows that may be left out where the model is served: their ids then pool as zeros."""

    rows: Annotated[Share, Field(lt=1)]
    """Share of all rows, those that are read least."""
    loss: Loss
    """Of quality, besides that of the format."""


class DefaultsSpec(Border):
    """What holds for every table that does not say otherwise."""

    dim: Dim | None = None
    """Columns of tables that do not say."""
    dtype: Dtype = Dtype.FP32
    """Number format of the weights."""
    pooling: Pooling = 1.0
    """Mean ids per sample of each feature."""
    access: AccessField = Uniform()
    """How the ids hit the rows."""
    ids: RowOrder = RowOrder.HASHED
    """Whether hot rows lie scattered over the table, or at its beginning."""
    module: ModulePath = "sparse.ebc"
    """Where the table's EmbeddingBagCollection sits in the model."""
    weighted: Flag | None = None
    """Whether a weight travels with each id; if left out, none does."""
    pooling_type: PoolingType | None = None
    """Whether the rows of a sample are added up or averaged, where they are pooled; by default they
    are added up."""
    cap: Pooling | None = None
    """Most ids per sample of each feature; if left out, as many as ``pooling`` says."""
    padding: PaddingSpec | None = None
    """The id that fills up lists made equally long, and its share of all ids."""
    side: Side | None = None
    """Where the model is served: whether features are the user's, looked up once a query, or the
    item's, once a candidate; if left out, the item's."""
    quality_loss: QualityLoss | None = None
    """Where the model is served: what each format for rows loses of quality, in a unit of one's
    own; a format that is not there loses what nobody knows."""


class TableSpec(Border):
    """One embedding table; what is left out is as in ``defaults``."""

    name: TableName
    """Unique among the tables of its module."""
    rows: Rows
    dim: Dim | None = None
    """Columns; padded to a multiple of 4."""
    dtype: Dtype | None = None
    """Number format of the weights."""
    pooling: Pooling | None = None
    """Mean ids per sample: a number for each feature alike, or a list, one per feature."""
    num_poolings: NumPoolings | None = None
    """Samples of its own that each feature has for each of its module's, each with ``pooling`` ids:
    TorchRec's ``num_poolings``; if left out, one."""
    access: AccessField | None = None
    """How the ids hit the rows."""
    ids: RowOrder | None = None
    """Whether hot rows lie scattered over the table, or at its beginning."""
    module: ModulePath | None = None
    """Where the table's EmbeddingBagCollection sits in the model."""
    weighted: Flag | None = None
    """Whether a weight travels with each id, as in all tables of the module or in none."""
    pooling_type: PoolingType | None = None
    """Whether the rows of a sample are added up or averaged."""
    cap: Pooling | None = None
    """Most ids per sample, for which there is to be memory: a number for each feature alike, or a
    list, one per feature; if left out, as many as ``pooling`` says."""
    padding: PaddingSpec | None = None
    """The id that fills up lists made equally long, and its share of all ids."""
    features: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The sparse features that read the table; by default one, called like the table."""
    hot_ids: HotIds | None = None
    """Of how many of its ids the job knows that they are the hottest, and which they are; or a
    .parquet, .csv or .npy file of these, beside the spec, the hottest first."""
    sampled: Fraction | None = None
    """The share of the data that shows so many rows, where that is not all of it: there may be
    more, and it is told."""
    dynamic: DynamicField | None = None
    """How a hash table is kept that grows up to ``rows``; left out, the table is a plain one."""
    side: Side | None = None
    """Where the model is served: whether features are the user's or the item's."""
    quality_loss: QualityLoss | None = None
    """Where the model is served: what each format for rows loses of quality."""
    dtypes: Annotated[tuple[StoredFormat, ...], Field(min_length=1)] | None = None
    """Where the model is served: of the formats that are offered, those for this table."""
    prune: Annotated[tuple[PruneSpec, ...], Field(min_length=1)] | None = None
    """Where the model is served: how many rows may be left out; by default none."""

    @model_validator(mode="after")
    def _check_features(self) -> TableSpec:
        features = self.features or (self.name,)
        if len(set(features)) < len(features):
            twice = next(f for i, f in enumerate(features) if f in features[:i])
            raise fault(f"the feature {twice!r} stands here twice", at=("features",))
        for key in ("pooling", "num_poolings", "cap"):
            numbers = getattr(self, key)
            if isinstance(numbers, tuple) and len(numbers) != len(features):
                message = f"has {len(numbers)} numbers for {len(features)} features"
                raise fault(message, "write one per feature", at=(key,))
        if self.padding is not None and self.padding.id >= self.rows:
            message = f"is no row of a table of {self.rows:,} rows"
            raise fault(message, "rows are counted from 0", "range", ("padding", "id"))
        if isinstance(self.hot_ids, int) and self.hot_ids > self.rows:
            message = f"there are {self.rows:,} rows"
            raise fault(message, "no more of them can be hot", "range", ("hot_ids",))
        return self

    def poolings_of(self, features: tuple[str, ...]) -> tuple[float, ...]:
        """Samples of its own of each feature, for each of its module; empty for one of each."""
        if self.num_poolings is None:
            return ()
        times = self.num_poolings
        return times if isinstance(times, tuple) else (times,) * len(features)

    def module_in(self, defaults: DefaultsSpec) -> str:
        """Where it sits in the model, beside defaults."""
        return defaults.module if self.module is None else self.module

    def without(self, defaults: DefaultsSpec) -> TableSpec:
        """The same table with nothing in it that ``defaults`` says already."""
        same = {
            key: None
            for key in DefaultsSpec.model_fields
            if getattr(self, key) is not None and getattr(self, key) == getattr(defaults, key)
        }
        if self.features == (self.name,):
            same["features"] = None
        return self.model_copy(update=same) if same else self
