"""Zipf's law that comes nearest to data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.access import Zipf

if TYPE_CHECKING:
    from shardplan.profile.frequencies import Frequencies

_FLATTEST, _STEEPEST = 0.01, 4.0
_ROUNDS = 40
_GOLDEN = (5**0.5 - 1) / 2
_DIGITS = 4
_PARTS = 4.0 ** -np.arange(8.0)


def zipf_of(frequencies: Frequencies, rows: int) -> Zipf:
    """The exponent whose distinct rows are off least, at worst over parts of the data.

    Parts are all of it, a quarter, a sixteenth and so on, of 16 accesses and more; the exponent is
    found by golden-section search and rounded. How far off the law is, its error says.
    """
    draws = [part for part in frequencies.accesses * _PARTS if part >= 16]
    draws = draws or [float(frequencies.accesses)]
    exact = np.array([frequencies.distinct_rows(each) for each in draws])

    def worst(exponent: float) -> float:
        told = Zipf(exponent).distribution(rows, 1.0)
        found = np.array([told.unique_rows(each) for each in draws])
        return float(np.abs(np.log(found / exact)).max())

    low, high = _FLATTEST, _STEEPEST
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = worst(left), worst(right)
    for _ in range(_ROUNDS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = worst(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = worst(right)
    return Zipf(round((low + high) / 2, _DIGITS))
