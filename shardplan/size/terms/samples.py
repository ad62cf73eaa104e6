"""How many samples a training takes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.spec.sizing.size_spec import SizeSpec
    from shardplan.spec.sizing.training_spec import SamplesSpec

BILLION = 10**9
"""Of so many are times and costs where nothing is said of samples."""


def common_samples(size: SizeSpec) -> float | None:
    """Those of every candidate; None where they depend on the batch."""
    if size.target is not None and size.target.samples is not None:
        return size.target.samples
    return BILLION if size.samples_to_target is None else None


def samples_of(size: SizeSpec, batch: int) -> float | None:
    """Those of a global batch; None where the spec's pairs do not reach it.

    They grow with the batch in a straight line, between the pairs too (McCandlish et al., "An
    empirical model of large-batch training", 2018).
    """
    common = common_samples(size)
    if common is not None or size.samples_to_target is None:
        return common
    return _to_target(size.samples_to_target, batch)


def _to_target(spec: SamplesSpec, batch: int) -> float | None:
    if spec.minimum is not None and spec.critical_batch is not None:
        return spec.minimum * (1 + batch / spec.critical_batch)
    pairs = spec.batches or ()
    for (less, fewer), (more, most) in pairwise(pairs):
        if less <= batch <= more:
            return fewer + (most - fewer) * (batch - less) / (more - less)
    return next((samples for known, samples in pairs if known == batch), None)
