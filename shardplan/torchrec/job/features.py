"""How much a table's features read, in TorchRec's numbers and in those of a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torchrec.distributed.planner.constants import NUM_POOLINGS, POOLING_FACTOR

from shardplan.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class FeatureReads:
    """Of each feature of a table, ids per sample, and samples for each of the batch."""

    poolings: tuple[float, ...]
    shares: tuple[float, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    @classmethod
    def of(
        cls, table: str, features: Sequence[str], constraint: Any | None, batch_size: int
    ) -> FeatureReads:
        """As TorchRec counts: features for which there is no pooling factor read nothing.

        ``num_poolings`` and ``batch_sizes`` make samples: more, or fewer, than the batch has.
        """
        where = f"constraints[{table!r}]"
        factors = list(constraint.pooling_factors) if constraint else [POOLING_FACTOR]
        poolings = [float(each) for each in factors]
        samples = _samples(constraint, len(poolings), batch_size)
        lengths = {len(poolings), len(samples)}
        if len(lengths) > 1:
            message = "pooling_factors, num_poolings and batch_sizes must have the same length"
            fault = Diagnostic("planner", 0, 0, where, message, code="torchrec")
            return cls((0.0,) * len(features), (1.0,) * len(features), (fault,))
        told = []
        if len(poolings) != len(features):
            told.append(_other_count(where, len(poolings), features))
        reads = list(zip(poolings, samples, strict=True))
        extra = sum(ids * share for ids, share in reads[len(features) :])
        reads = reads[: len(features)] + [(0.0, 1.0)] * (len(features) - len(reads))
        if extra:
            ids, share = reads[-1]
            reads[-1] = ids * share + extra, 1.0
        return cls(tuple(ids for ids, _ in reads), tuple(share for _, share in reads), tuple(told))


def _samples(constraint: Any | None, count: int, batch_size: int) -> list[float]:
    """Of each feature, the samples for each of the batch."""
    times = (constraint.num_poolings if constraint else None) or [NUM_POOLINGS] * count
    sizes = (constraint.batch_sizes if constraint else None) or [batch_size] * count
    if len(times) != len(sizes):
        return []
    return [number * size / batch_size for number, size in zip(times, sizes, strict=True)]


def _other_count(where: str, factors: int, features: Sequence[str]) -> Diagnostic:
    if factors < len(features):
        unread = ", ".join(features[factors:])
        message = f"has {factors} pooling factors for {len(features)} features: {unread} count as"
        return _warning(where, f"{message} unread, as TorchRec counts them", "give one per feature")
    message = f"has {factors} pooling factors for {len(features)} features"
    return _warning(where, f"{message}: the last one counts what is left", "give one per feature")


def _warning(where: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic("planner", 0, 0, where, message, hint, code="torchrec", severity="warning")
