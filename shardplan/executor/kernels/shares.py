"""A loop over rows, cut among the threads that a job gives PyTorch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_LEAST_NUMBERS = 1 << 18
"""Of gradients, for each thread: what takes far longer than waking a thread."""


def in_shares(loop: Callable[[int, int], object], offsets: NDArray[np.int64], columns: int) -> None:
    """Call ``loop`` with the first row and the end of each share of the rows.

    Shares have about as many members each; row ``i`` has those from ``offsets[i]`` on. Whatever a
    loop does to a row depends on no other, so that the number of threads does not change a bit.
    """
    first, members = int(offsets[0]), int(offsets[-1] - offsets[0])
    threads = min(torch.get_num_threads(), members * columns // _LEAST_NUMBERS)
    rows = len(offsets) - 1
    if threads < 2:
        loop(0, rows)
        return
    ends = np.searchsorted(offsets, first + np.arange(1, threads) * members // threads).tolist()
    shares = list(pairwise([0, *ends, rows]))
    waiting = [_threads().submit(loop, *share) for share in shares[1:]]
    loop(*shares[0])
    for each in waiting:
        each.result()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="shardplan-rows")
