"""A demand on tables, as people write it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from shardplan.options.pins import Pins
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.spec.fields.border import ONE_AS_LIST, ONE_OR_MANY, Border, Name
from shardplan.spec.fields.numeric import as_whole
from shardplan.spec.fields.quantities import Count, Flag, Share, Whole
from shardplan.spec.tables.table_spec import MOST_COLUMNS
from shardplan.spec.validation.fault import fault
from shardplan.workload.dtype import Dtype

_LOAD_FACTOR_DIGITS = 9
"""As many as a plan file has of it."""


def _some_hot_rows(value: Any) -> Any:
    if as_whole(value) == 0:
        hint = "to keep none, leave it out and list in sharding all types but those of hot rows"
        raise fault("must be at least 1 (got 0)", hint, "range")
    return value


class ConstraintSpec(Border):
    """A demand on the tables that match; all that it names must hold."""

    tables: Annotated[tuple[Name, ...], ONE_AS_LIST, Field(min_length=1), ONE_OR_MANY]
    """Names or globs of tables, ``module/name`` where a name stands in several modules: one, or a
    list."""
    sharding: (
        Annotated[tuple[ShardingType, ...], ONE_AS_LIST, Field(min_length=1), ONE_OR_MANY] | None
    ) = None
    """The only sharding types allowed."""
    kernels: Annotated[tuple[Kernel, ...], ONE_AS_LIST, Field(min_length=1), ONE_OR_MANY] | None = (
        None
    )
    """The only compute kernels allowed."""
    together: Flag = False
    """All on the same devices."""
    apart: Flag = False
    """No device holds parts of two of them."""
    ranks: Annotated[tuple[Annotated[Whole, Field(ge=0)], ...], Field(min_length=1)] | None = None
    """The only ranks allowed."""
    nodes: Annotated[tuple[Annotated[Whole, Field(ge=0)], ...], Field(min_length=1)] | None = None
    """The only nodes allowed, whose ranks then are."""
    load_factor: Share | None = None
    """Of the rows, what a cache in HBM holds; the tables then have one."""
    column_shards: Annotated[Count, Field(le=MOST_COLUMNS)] | None = None
    """Into how many shards columns are cut; 1 leaves them whole."""
    min_width: Annotated[Count, Field(le=MOST_COLUMNS)] | None = None
    """Columns of each column shard, at least (TorchRec's ``min_partition``)."""
    column_blocks: (
        Annotated[
            tuple[Annotated[Count, Field(le=MOST_COLUMNS)], ...],
            Field(min_length=2, max_length=MOST_COLUMNS),
        ]
        | None
    ) = None
    """Columns of each column shard, from the first on; they need not be alike."""
    output_dtype: Dtype | None = None
    """Number format of what lookups write; all tables of a module alike."""
    hbm_only: Flag | None = None
    """Rows and optimizer state lie in HBM alone."""
    hot_rows: Annotated[Count, BeforeValidator(_some_hot_rows)] | None = None
    """The hottest rows that lie on every device; the others are sharded."""

    @property
    def pins(self) -> Pins:
        """What it fixes beyond types, kernels and places."""
        size = self.load_factor
        held = None if size is None else float(f"{size:.{_LOAD_FACTOR_DIGITS}g}")
        return Pins(
            held,
            self.column_shards,
            self.min_width,
            self.column_blocks or (),
            bool(self.hbm_only),
            self.hot_rows,
        )

    @model_validator(mode="after")
    def _check_demands(self) -> ConstraintSpec:
        if self.together and self.apart:
            raise fault("tables cannot be both together and apart", at=("apart",))
        if self.load_factor is not None and self.load_factor >= 1:
            hint = "a table wholly in HBM has none: hbm_only: true"
            raise fault("a cache holds less than all rows", hint, at=("load_factor",))
        places = self.ranks or self.nodes or self.output_dtype
        if not (
            self.sharding or self.kernels or self.together or self.apart or places or self.pins
        ):
            hint = (
                "add sharding, kernels, together, apart, ranks, nodes, load_factor, column_shards, "
                "min_width, column_blocks, output_dtype, hbm_only or hot_rows"
            )
            raise fault("demands nothing", hint)
        return self
