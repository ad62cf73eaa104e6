"""What is known of a framework, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.cost.framework.terms import Terms
from shardplan.workload.dense.fusion import Fusion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.cost.framework.framework_file import FrameworkFile


@dataclass(frozen=True, eq=False, slots=True)
class FrameworkProfile:
    """What a framework adds to phases, by their names."""

    name: str
    terms: Mapping[str, Terms]
    sums_beside_backward: bool = False
    """Whether gradients are summed over devices beside the backward pass of the tables."""
    sums_read_rows: bool = False
    """Whether rows of data-parallel tables that no device read are passed over."""
    fusion: Fusion = Fusion.FUSED
    """Of what dense layers do beside their products."""

    @classmethod
    def of(cls, file: FrameworkFile) -> Self:
        """The profile that a file describes."""
        beside, read = file.sums_beside_backward, file.sums_read_rows
        return cls(
            file.name,
            {phase: Terms.of(terms) for phase, terms in file.terms.items()},
            beside is not None and beside.value,
            read is not None and read.value,
            file.elementwise.value if file.elementwise else Fusion.FUSED,
        )
