"""Whether data tells the rows of a table apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.access import Uniform

if TYPE_CHECKING:
    from shardplan.profile.frequencies import Frequencies

_SPREAD = 0.02
"""Relative standard deviation of the rows' shares below which they are as good as alike: distinct
rows then differ by at most 0.04%, and the hottest tenth draws 10.4%."""
_ERRORS = 3.0
"""Standard errors of the spread up to which it may be chance."""
_OFF = 0.01
"""Of the distinct rows of any part of the data."""
_PARTS = 4.0 ** -np.arange(8.0)


def is_uniform(frequencies: Frequencies, rows: int) -> bool:
    """Whether all ``rows`` rows are as likely as each other, as far as the data tells.

    The index of dispersion of counts, ``sum((c - m / R) ** 2) / m``, is 1 for each row but one
    where all are alike, give or take ``sqrt(2 / R)`` (Fisher's test); what it has above is the
    relative variance of the rows' shares times ``m / R``. And distinct rows of all parts of the
    data must be as many as of such rows, within 1%.
    """
    reads = frequencies.reads.astype(np.float64)
    mean = frequencies.accesses / rows
    squares = float(np.dot(frequencies.ids, (reads - mean) ** 2))
    squares += (rows - frequencies.rows_touched) * mean**2
    if rows == 1:
        return True
    variance = (squares / (mean * (rows - 1)) - 1) / mean
    chance = _ERRORS * np.sqrt(2 / rows) / mean
    if variance > max(_SPREAD**2, chance):
        return False
    alike = Uniform().distribution(rows, 1.0)
    draws = [part for part in frequencies.accesses * _PARTS if part >= 1]
    return all(
        abs(alike.unique_rows(each) / frequencies.distinct_rows(each) - 1) <= _OFF for each in draws
    )
