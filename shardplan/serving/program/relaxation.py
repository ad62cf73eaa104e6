"""A lower bound in a second, however many tables there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from shardplan.serving.options.coefficients import at

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.serving.batch_shape import BatchShape
    from shardplan.serving.options.option_set import OptionSet, Segments
    from shardplan.serving.served_case import ServedCase

_ROUNDS = 3
_NARROWINGS = 40
_GOLDEN = (5**0.5 - 1) / 2
_STEEPEST = 60.0
"""Of prices, as powers of e about what a table costs."""


@dataclass(frozen=True, eq=False, slots=True)
class Relaxation:
    """The choice of options with devices as one, and quality and HBM at prices of their own.

    The slowest device takes no less than the mean of all. At any prices, the cheapest option of
    each table less the price of all that there is bounds every choice (weak duality); prices are
    sought by golden sections in turn. What a cache grows by is taken where it is worth its HBM.
    """

    first: NDArray[np.int64]
    """(T,): of each table, its first option."""
    seconds: NDArray[np.float64]
    """(O,)"""
    loss: NDArray[np.float64]
    hbm: NDArray[np.float64]
    """(O,): share of the HBM of all devices."""
    segment_option: NDArray[np.int64]
    segment_saved: NDArray[np.float64]
    """(S,): seconds."""
    segment_hbm: NDArray[np.float64]
    begun_seconds: float
    budget: float | None

    @classmethod
    def of(
        cls, case: ServedCase, options: OptionSet, segments: Segments, batch: BatchShape
    ) -> Relaxation:
        """Of the options for a ``batch``."""
        devices, budget = case.replica.devices, case.serving.loss_at_most
        shards = np.array([each.way.shards for each in options.choices])[segments.option]
        free = max(1.0, case.replica.capacity_bytes[0] * devices - case.dense_memory_bytes)
        unit = budget or 1.0
        return cls(
            first=np.flatnonzero(np.diff(options.table, prepend=-1)),
            seconds=at(options.lookup, batch).sum(axis=1) / devices + at(options.gather, batch),
            loss=options.loss / unit,
            hbm=options.hbm_bytes.sum(axis=1) / free,
            segment_option=segments.option,
            segment_saved=at(segments.saved, batch) * segments.rows * shards / devices,
            segment_hbm=segments.rows * segments.row_bytes * shards / free,
            begun_seconds=case.profile.lookup_forward.launch_seconds,
            budget=None if budget is None else budget / unit,
        )

    def bound_at(self, of_loss: float, of_hbm: float) -> float:
        """Seconds that no choice beats, by the prices of all quality and of all HBM."""
        price = self.seconds + of_loss * self.loss + of_hbm * self.hbm
        grown = np.minimum(0.0, of_hbm * self.segment_hbm - self.segment_saved)
        np.add.at(price, self.segment_option, grown)
        cheapest = float(np.minimum.reduceat(price, self.first).sum())
        return self.begun_seconds + cheapest - of_loss * (self.budget or 0.0) - of_hbm

    def bound(self) -> float:
        """The best of the prices that were tried."""
        scale = max(float(self.seconds.max()), 1e-12)
        of_loss, of_hbm, best = 0.0, 0.0, self.bound_at(0.0, 0.0)
        for _ in range(_ROUNDS):
            if self.budget is not None:
                of_loss = _highest(partial(self.bound_at, of_hbm=of_hbm), scale)
            of_hbm = _highest(partial(self.bound_at, of_loss), scale)
            best = max(best, self.bound_at(of_loss, of_hbm), self.bound_at(of_loss, 0.0))
        return best


def _highest(value: Callable[[float], float], scale: float) -> float:
    """About where a concave function of a price is highest."""
    low, high = -_STEEPEST / 2, _STEEPEST / 2
    for _ in range(_NARROWINGS):
        step = _GOLDEN * (high - low)
        if value(scale * np.exp(high - step)) < value(scale * np.exp(low + step)):
            low = high - step
        else:
            high = low + step
    price = scale * float(np.exp((low + high) / 2))
    return price if value(price) > value(0.0) else 0.0
