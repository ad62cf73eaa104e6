"""What a plan for serving costs, from what was decided alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.serving.options.option_set import Pricer
from shardplan.workload.serving.batch_seconds import BatchSeconds, Lanes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.serving.options.placed_table import PlacedTable
    from shardplan.serving.served_case import ServedCase


@dataclass(frozen=True, eq=False, slots=True)
class Predicted:
    """Of one replica."""

    service: BatchSeconds
    hbm_bytes: NDArray[np.float64]
    """(D,): with the dense layers, on the first device."""
    ddr_bytes: float
    quality_loss: float


def predict(case: ServedCase, placed: Sequence[PlacedTable]) -> Predicted:
    """One option for each table."""
    options = Pricer.of(case).priced(tuple(placed))
    dense = case.serving.dense.get(case.kind)
    lookup = options.lookup.sum(axis=0)
    lookup[:, 0] += case.profile.lookup_forward.launch_seconds
    gather = options.gather.sum(axis=0)
    if options.is_remote.any():
        gather[0] += case.replica.gather_start_seconds
    layers = [dense.base, 0.0, dense.per_sample] if dense else [0.0, 0.0, 0.0]
    parts = (
        Lanes("lookup", lookup),
        Lanes("gather", gather[None, :]),
        Lanes("dense", np.array([layers])),
    )
    hbm = options.hbm_bytes.sum(axis=0)
    hbm[0] += case.dense_memory_bytes
    return Predicted(
        service=BatchSeconds(parts, case.serving.cv),
        hbm_bytes=hbm,
        ddr_bytes=float(options.ddr_bytes.sum()),
        quality_loss=float(options.loss.sum()),
    )


def dense_seconds(case: ServedCase, candidates: float) -> float:
    """Of the layers outside the tables, for a batch: what no plan changes."""
    dense = case.serving.dense.get(case.kind)
    return dense.base + dense.per_sample * candidates if dense else 0.0
