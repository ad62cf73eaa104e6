"""Who takes whose place, for the most gain in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNREACHED = np.iinfo(np.int64).max


def assign(gain: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,): the row for each column of ``gain`` (N, N), each row once, that gain most together.

    The Hungarian algorithm with shortest augmenting paths (Jonker and Volgenant, 1987): exact, N
    paths of at most N steps over N numbers. Row and column 0 stand for what is not assigned yet.
    """
    count = len(gain)
    cost = gain.max(initial=0) - gain
    row_price, column_price = np.zeros((2, count + 1), dtype=np.int64)
    row_of = np.zeros(count + 1, dtype=np.int64)
    for row in range(1, count + 1):
        row_of[0] = row
        before = np.zeros(count + 1, dtype=np.int64)
        length = np.full(count + 1, _UNREACHED)
        is_done = np.zeros(count + 1, dtype=np.bool_)
        column = 0
        while row_of[column] or not column:
            is_done[column] = True
            through = row_of[column]
            found = cost[through - 1] - row_price[through] - column_price[1:]
            shorter = np.flatnonzero(~is_done[1:] & (found < length[1:])) + 1
            length[shorter], before[shorter] = found[shorter - 1], column
            nearest = int(np.where(is_done, _UNREACHED, length).argmin())
            step = length[nearest]
            row_price[row_of[is_done]] += step
            column_price[is_done] -= step
            length[~is_done] -= step
            column = nearest
        while column:
            row_of[column] = row_of[before[column]]
            column = int(before[column])
    return row_of[1:] - 1
