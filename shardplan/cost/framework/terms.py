"""What a framework adds to one phase, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.framework.terms_file import (
        TermsFile,
        TypedTermsFile,
        UnitTermsFile,
    )
    from shardplan.sharding.kind import ShardingType
    from shardplan.spec.fields.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTerms:
    """Seconds and bytes per unit of what the tables of a phase bring; see ``UnitTermsFile``."""

    per_group: float = 0.0
    exchanges: int = 0
    per_table: float = 0.0
    per_feature: float = 0.0
    per_id: float = 0.0
    per_bucketed_id: float = 0.0
    per_row_element: float = 0.0
    per_weight: float = 0.0
    id_bytes: float = 0.0
    row_bytes: float = 0.0
    unique_row_bytes: float = 0.0
    summed_row_bytes: float = 0.0
    output_bytes: float = 0.0
    whole_output_bytes: float = 0.0
    per_output_byte: float = 0.0
    """Seconds."""
    per_own_feature: float = 0.0
    per_own_id: float = 0.0
    per_own_output: float = 0.0
    own_output_bytes: float = 0.0

    @classmethod
    def of_units(cls, file: UnitTermsFile) -> UnitTerms:
        """The part of a file that tables bring."""
        return UnitTerms(**_of_units(file))


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedTerms(UnitTerms):
    """What a phase has for tables of any sharding type, and for those of one."""

    types: Mapping[ShardingType, UnitTerms] = field(default_factory=dict, hash=False)
    """Besides, for the tables of one sharding type."""

    @classmethod
    def of_types(cls, file: TypedTermsFile) -> TypedTerms:
        """The part of a file that tables bring, with that of single sharding types."""
        return TypedTerms(types=_of_types(file), **_of_units(file))

    def of_kind(self, kind: ShardingType) -> tuple[UnitTerms, ...]:
        """What adds up for the tables of a sharding type."""
        return (self, self.types[kind]) if kind in self.types else (self,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(TypedTerms):
    """What a phase has for its tables, and by every plan alike; see ``TermsFile``."""

    per_step: float = 0.0
    per_sample: float = 0.0
    per_model_feature: float = 0.0
    per_model_output: float = 0.0
    distinct_id_bytes: float = 0.0
    expanded_bytes: float = 0.0
    optimizers: Mapping[Optimizer, UnitTerms] = field(default_factory=dict, hash=False)
    """Besides, under one optimizer of the tables."""
    unpooled: TypedTerms = field(default_factory=TypedTerms)
    """Besides, for tables that give an output for each id."""

    @classmethod
    def of(cls, file: TermsFile) -> Self:
        """All that a file says of a phase."""
        return cls(
            per_step=_value(file.per_step),
            per_sample=_value(file.per_sample),
            per_model_feature=_value(file.per_model_feature),
            per_model_output=_value(file.per_model_output),
            distinct_id_bytes=_value(file.distinct_id_bytes),
            expanded_bytes=_value(file.expanded_bytes),
            types=_of_types(file),
            optimizers={
                OPTIMIZERS.named(name): UnitTerms.of_units(terms)
                for name, terms in file.optimizers.items()
            },
            unpooled=TypedTerms.of_types(file.unpooled) if file.unpooled else TypedTerms(),
            **_of_units(file),
        )


def _of_types(file: TypedTermsFile) -> dict[ShardingType, UnitTerms]:
    return {
        SHARDING_TYPES.named(name): UnitTerms.of_units(terms) for name, terms in file.types.items()
    }


def _of_units(file: UnitTermsFile) -> dict[str, Any]:
    return {
        "per_group": _value(file.per_group),
        "exchanges": int(_value(file.exchanges)),
        "per_table": _value(file.per_table),
        "per_feature": _value(file.per_feature),
        "per_id": _value(file.per_id),
        "per_bucketed_id": _value(file.per_bucketed_id),
        "per_row_element": _value(file.per_row_element),
        "per_weight": _value(file.per_weight),
        "id_bytes": _value(file.id_bytes),
        "row_bytes": _value(file.row_bytes),
        "unique_row_bytes": _value(file.unique_row_bytes),
        "summed_row_bytes": _value(file.summed_row_bytes),
        "output_bytes": _value(file.output_bytes),
        "whole_output_bytes": _value(file.whole_output_bytes),
        "per_output_byte": 1 / file.output.value if file.output else 0.0,
        "per_own_feature": _value(file.per_own_feature),
        "per_own_id": _value(file.per_own_id),
        "per_own_output": _value(file.per_own_output),
        "own_output_bytes": _value(file.own_output_bytes),
    }


def _value(figure: Figure[Any] | None) -> float:
    return float(figure.value) if figure else 0.0
