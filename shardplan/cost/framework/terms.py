"""What a framework adds to one phase, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.framework.terms_file import TermsFile, UnitTermsFile
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

    @classmethod
    def of_units(cls, file: UnitTermsFile) -> UnitTerms:
        """The part of a file that tables bring."""
        return UnitTerms(**_of_units(file))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(UnitTerms):
    """What a phase has for its tables, and by every plan alike; see ``TermsFile``."""

    per_step: float = 0.0
    per_sample: float = 0.0
    per_model_feature: float = 0.0
    per_model_output: float = 0.0
    per_own_feature: float = 0.0
    per_own_id: float = 0.0
    per_own_output: float = 0.0
    types: Mapping[ShardingType, UnitTerms] = field(default_factory=dict, hash=False)
    """Besides, for the tables of one sharding type."""
    optimizers: Mapping[Optimizer, UnitTerms] = field(default_factory=dict, hash=False)
    """Besides, under one optimizer of the tables."""

    @classmethod
    def of(cls, file: TermsFile) -> Self:
        """All that a file says of a phase."""
        return cls(
            per_step=_value(file.per_step),
            per_sample=_value(file.per_sample),
            per_model_feature=_value(file.per_model_feature),
            per_model_output=_value(file.per_model_output),
            per_own_feature=_value(file.per_own_feature),
            per_own_id=_value(file.per_own_id),
            per_own_output=_value(file.per_own_output),
            types={
                SHARDING_TYPES.named(name): UnitTerms.of_units(terms)
                for name, terms in file.types.items()
            },
            optimizers={
                OPTIMIZERS.named(name): UnitTerms.of_units(terms)
                for name, terms in file.optimizers.items()
            },
            **_of_units(file),
        )


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
    }


def _value(figure: Figure[Any] | None) -> float:
    return float(figure.value) if figure else 0.0
