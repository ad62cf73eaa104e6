"""How gradients of data-parallel tables are summed, as people write it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Share
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm


def _some_numbers(value: Any) -> Any:
    """Nothing at all would be sent: nobody means that."""
    text = value.strip().removesuffix("%") if isinstance(value, str) else value
    if text in (0, "0"):
        hint = "leave it out to sum all numbers, or say how many are sent: 1%"
        raise fault(f"must be more than 0%{got(value)}", hint, "range")
    return value


class ReductionSpec(Border):
    """The all-reduce of data-parallel tables."""

    algorithm: ReductionAlgorithm = ReductionAlgorithm.FLAT
    """``flat``: one collective over all devices; ``hierarchical``: inside the nodes, across them,
    and inside again; ``auto``: that of the faster plan."""
    top_k: Annotated[Share, BeforeValidator(_some_numbers)] | None = None
    """Share of the numbers that each device sends, the largest ones; the rest waits for later
    steps, which changes what is learnt. By default all are sent."""

    @property
    def reduction(self) -> Reduction:
        """What it says."""
        return Reduction(self.algorithm, self.top_k)
