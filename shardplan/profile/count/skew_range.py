"""Which of the days skew is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def skew_range(samples: Sequence[int], most: int) -> range:
    """The last ``most`` days that have samples, and what lies between them; ``samples`` by day.

    A day that has none says nothing of skew: its files may be there before its data is.
    """
    held = [day for day, count in enumerate(samples) if count][-most:]
    return range(held[0], held[-1] + 1) if held else range(len(samples) - 1, len(samples))
