"""A solve as passes over its moves: each has twice the effort of the one before.

What the time of a solve will be is not known, and what pays depends on it: a short one is best
spent on a quick anneal and a shallow tree, a long one on slow and deep ones. So the effort grows
from pass to pass. A solve that is given longer does the same and then more, and all passes together
take at most about twice as long as the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST, _GROWTH = 1.0, 2.0
_LONGEST = 1024.0
"""From then on all passes are alike: of a problem so small, they differ in their random numbers."""
_NOTHING = 1e-9
"""Left of the effort, by rounding."""


def efforts_of_passes(most: float) -> Iterator[float]:
    """The effort of each pass, relative to what pays for a whole problem; together ``most``.

    There is one pass in any case, and no end where ``most`` is infinite.
    """
    effort = min(_FIRST, most)
    left = most
    while True:
        yield effort
        left -= effort
        if left <= _NOTHING:
            return
        effort = min(effort * _GROWTH, left, _LONGEST)
