"""Ranks as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def compress(ranks: Iterable[int]) -> str:
    """``0-7,12`` for the ranks 0 to 7 and 12, each once and in rising order."""
    spans: list[list[int]] = []
    for rank in sorted(set(ranks)):
        if spans and rank == spans[-1][1] + 1:
            spans[-1][1] = rank
        else:
            spans.append([rank, rank])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in spans)
