"""What is known of a framework, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from shardplan.cost.framework.terms import Terms
from shardplan.workload.dense.fusion import Fusion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.framework.framework_file import FrameworkFile
    from shardplan.cost.framework.terms_file import TermsFile
    from shardplan.spec.fields.figure import Figure


@dataclass(frozen=True, eq=False, slots=True)
class FrameworkProfile:
    """What a framework adds to phases, by their names."""

    name: str
    terms: Mapping[str, Terms]
    sums_beside_backward: bool = False
    """Whether gradients are summed over devices beside the backward pass of the tables."""
    fusion: Fusion = Fusion.FUSED
    """Of what dense layers do beside their products."""

    @classmethod
    def of(cls, file: FrameworkFile) -> Self:
        """The profile that a file describes."""
        beside = file.sums_beside_backward
        return cls(
            file.name,
            {phase: _terms(terms) for phase, terms in file.terms.items()},
            beside is not None and beside.value,
            file.elementwise.value if file.elementwise else Fusion.FUSED,
        )


def _terms(file: TermsFile) -> Terms:
    return Terms(
        per_step=_value(file.per_step),
        per_sample=_value(file.per_sample),
        per_model_feature=_value(file.per_model_feature),
        per_group=_value(file.per_group),
        exchanges=int(_value(file.exchanges)),
        per_table=_value(file.per_table),
        per_feature=_value(file.per_feature),
        per_id=_value(file.per_id),
        per_bucketed_id=_value(file.per_bucketed_id),
        per_row_element=_value(file.per_row_element),
        id_bytes=_value(file.id_bytes),
        row_bytes=_value(file.row_bytes),
        unique_row_bytes=_value(file.unique_row_bytes),
        summed_row_bytes=_value(file.summed_row_bytes),
        output_bytes=_value(file.output_bytes),
        whole_output_bytes=_value(file.whole_output_bytes),
        per_output_byte=1 / file.output.value if file.output else 0.0,
    )


def _value(figure: Figure[Any] | None) -> float:
    return float(figure.value) if figure else 0.0
