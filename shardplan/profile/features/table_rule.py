"""What a features file says: tables, the columns that read them, and what is done to ids."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from shardplan.profile.features.id_mapping import MOST_BUCKETS, IdMapping, MappingKind
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.numeric import as_number
from shardplan.spec.fields.quantities import Count, Whole
from shardplan.spec.tables.table_spec import MOST_ROWS, ModulePath, Rows, TableName
from shardplan.spec.text.document import read_file
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.validation import validate
from shardplan.spec.validation.wording import did_you_mean, got

_FORMS = "as_is, {mod: rows}, {hash: rows} or {dictionary: {min_count: reads}}"


def _read_mapping(value: Any) -> IdMapping:
    if isinstance(value, IdMapping):
        return value
    form: Any = value
    inner: Any = None
    if _is_single(value):
        ((form, inner),) = value.items()
    if not isinstance(form, str) or form not in set(MappingKind):
        hint = did_you_mean(form, list(MappingKind)) if isinstance(form, str) else ""
        raise fault(f"must be {_FORMS}" + got(value), hint)
    kind = MappingKind(form)
    if kind is MappingKind.DICTIONARY and _is_single(inner):
        ((key, inner),) = inner.items()
        if key != "min_count":
            raise fault(f"unknown key {key!r}", did_you_mean(key, ["min_count"]), at=(form, key))
    elif inner is None and kind in (MappingKind.AS_IS, MappingKind.DICTIONARY):
        return IdMapping(kind)
    number = as_number(inner)
    if number is None or number != int(number) or kind is MappingKind.AS_IS:
        raise fault(f"must be {_FORMS}" + got(value))
    if not 1 <= number <= MOST_BUCKETS:
        raise fault(f"must be at least 1 and at most {MOST_BUCKETS:,}" + got(inner), at=(form,))
    return IdMapping(kind, int(number))


def _is_single(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1


def _write_mapping(mapping: IdMapping) -> Any:
    match mapping.kind:
        case MappingKind.AS_IS:
            return mapping.kind.value
        case MappingKind.DICTIONARY:
            return {mapping.kind.value: {"min_count": mapping.number}}
        case _:
            return {mapping.kind.value: mapping.number}


MappingField = Annotated[
    IdMapping,
    PlainValidator(_read_mapping),
    PlainSerializer(_write_mapping),
    WithJsonSchema({"anyOf": [{"enum": ["as_is", "dictionary"]}, {"type": "object"}]}),
]
"""An id mapping as a field of a model."""


RowNumber = Annotated[Whole, Field(ge=0, lt=MOST_ROWS)]
"""Of a row, from 0."""
RawId = Annotated[Whole, Field(ge=-(2**63), lt=2**64)]
"""An id as data has it, with a sign or without."""


class FeatureRule(Border):
    """A feature: a column with an id, or a list of ids, for each sample."""

    column: Name
    """Where its ids stand."""
    name: Name | None = None
    """What the model calls it; by default as the column."""
    missing: Annotated[Whole, Field(ge=-(2**63), lt=2**63)] | None = None
    """The id that stands for a missing value; left out, a missing value is no id at all."""
    padding: RawId | None = None
    """The id that fills its lists up, and that the trainer leaves out before all else."""
    truncate: Count | None = None
    """At most so many ids of a list are read."""
    keep: Literal["front", "back"] = "front"
    """Which end of a longer list is read."""
    weights: Name | None = None
    """The column with a weight for each id."""

    @property
    def feature(self) -> str:
        """What the model calls it."""
        return self.name or self.column


class TableRule(Border):
    """A table, and the features that read it, whose ids are counted together."""

    name: TableName
    features: Annotated[tuple[FeatureRule, ...], Field(min_length=1)]
    mapping: MappingField = IdMapping()
    module: ModulePath | None = None
    """The module that holds it; by default the spec's."""
    rows: Rows | None = None
    """Its rows in the model, where the data is not to tell."""
    padding: RowNumber | None = None
    """The row that fills up lists made equally long, where it is looked up like others."""

    @property
    def is_weighted(self) -> bool:
        """Whether a weight travels with each id."""
        return any(each.weights for each in self.features)

    @model_validator(mode="after")
    def _check_rows(self) -> TableRule:
        if self.rows is not None and self.mapping.rows not in (None, self.rows):
            message = f"a mapping to {self.mapping.rows:,} rows, and {self.rows:,} rows"
            raise fault(message, "leave rows out", at=("rows",))
        return self

    @model_validator(mode="after")
    def _check_padding(self) -> TableRule:
        rows = self.mapping.rows
        if self.padding is not None and rows is not None and self.padding >= rows:
            message = f"is no row of a mapping to {rows:,} rows"
            hint = "it is a row; ids that the trainer leaves out are a feature's padding"
            raise fault(message, hint, at=("padding",))
        return self

    @model_validator(mode="after")
    def _check_features(self) -> TableRule:
        names = [each.feature for each in self.features]
        for index, name in enumerate(names):
            if name in names[:index]:
                hint = "give one of them another name"
                raise fault(f"the feature {name!r} stands here twice", hint, at=("features", index))
        return self


class FeaturesFile(Border):
    """All tables of a model."""

    tables: Annotated[tuple[TableRule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_names(self) -> FeaturesFile:
        names = [table.name for table in self.tables]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise fault(f"{name!r} stands here twice", at=("tables", index, "name"))
        return self

    @model_validator(mode="after")
    def _check_weights(self) -> FeaturesFile:
        """As a spec has it: weights travel with all ids of a module, or with none."""
        first: dict[str | None, TableRule] = {}
        for index, table in enumerate(self.tables):
            other = first.setdefault(table.module, table)
            if other.is_weighted != table.is_weighted:
                message = f"{table.name} and {other.name} are of one module, and one is weighted"
                hint = "give weighted tables another module (module: weighted)"
                raise fault(message, hint, at=("tables", index, "module"))
        return self


def read_features(path: str) -> tuple[TableRule, ...]:
    """The tables of a features file; raises InputError with every fault of it."""
    return validate(FeaturesFile, read_file(path)).tables
