"""Features from the types of columns, where no features file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
from pydantic import ValidationError

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.profile.features.id_mapping import IdMapping, MappingKind
from shardplan.profile.features.table_rule import FeatureRule, TableRule
from shardplan.spec.validation.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from narwhals.stable.v2.dtypes import DType


_SHOWN = 8
"""Columns that an error names."""


def is_ids(kind: DType) -> bool:
    """Whether a column of that type holds ids: whole numbers, or lists of such."""
    inner = kind.inner if isinstance(kind, nw.List) else kind
    inner = inner() if isinstance(inner, type) else inner
    return inner.is_integer() or (isinstance(inner, nw.Decimal) and not inner.scale)


def inferred_rules(
    schema: Mapping[str, DType],
    source: str,
    dictionaries: Collection[str] = (),
    remarks: Collection[str] = (),
) -> tuple[TableRule, ...]:
    """A table of its own for each column of ids; ``dictionaries`` are those of text or hashes,
    and ``remarks`` say what keeps other columns from being ids.

    Raises InputError where there is none, and for columns that cannot name a table.
    """
    looked_up = IdMapping(MappingKind.DICTIONARY)
    rules, faults = [], []
    for column in (column for column, kind in schema.items() if is_ids(kind)):
        mapping = looked_up if column in dictionaries else IdMapping()
        try:
            features = (FeatureRule(column=column),)
            rules.append(TableRule(name=column, features=features, mapping=mapping))
        except ValidationError as error:
            why = error.errors()[0]["msg"]
            message, hint = f"the column {column!r} names no table: {why}", "name it by --features"
            faults.append(Diagnostic(source, 0, 0, "", message, hint, code="data"))
    if faults:
        raise InputError(faults)
    if not rules:
        held = ", ".join(f"{column}: {kind}" for column, kind in [*schema.items()][:_SHOWN])
        message = "has no column of whole numbers or of lists of such"
        hint = "; ".join(remarks) or f"its columns are {held.lower()}"
        raise InputError([Diagnostic(source, 0, 0, "", message, hint, code="file")])
    return tuple(rules)


def _list_faults(feature: FeatureRule, schema: Mapping[str, DType]) -> list[str]:
    """What a feature says that goes with lists only, or with none."""
    kinds = (schema.get(feature.column), schema.get(feature.weights or ""))
    held, weights = (isinstance(kind, nw.List | nw.Array) for kind in kinds)
    faults = []
    if held and feature.missing is not None:
        faults.append(
            f"missing is of columns with one id a sample, and {feature.column!r} holds lists: "
            "a missing list is an empty one"
        )
    if kinds[0] is not None and not held and feature.padding is not None:
        faults.append(
            f"padding is of columns of lists, and {feature.column!r} has one id for each sample: "
            "as a row of the table it is the table's padding"
        )
    if kinds[0] is not None and kinds[1] is not None and held != weights:
        form = ("a number", "a list")
        faults.append(
            f"{feature.column!r} has {form[held]} for each sample, "
            f"and its weights {feature.weights!r} {form[weights]}"
        )
    return faults


def check_columns(rules: Collection[TableRule], schema: Mapping[str, DType], source: str) -> None:
    """Raise InputError for columns that features name and the data lacks, or of other kinds."""
    faults = []
    for rule in rules:
        for feature in rule.features:
            for column in filter(None, (feature.column, feature.weights)):
                if column not in schema:
                    message = f"the column {column!r} of table {rule.name} is missing"
                    faults.append((message, did_you_mean(column, schema)))
                elif column == feature.column and not is_ids(schema[column]):
                    found = str(schema[column]).lower()
                    message = f"the column {column!r} holds no whole numbers but {found}"
                    faults.append((message, ""))
            faults += [(each, "") for each in _list_faults(feature, schema)]
    if faults:
        raise InputError([Diagnostic(source, 0, 0, "", *each, code="file") for each in faults])
