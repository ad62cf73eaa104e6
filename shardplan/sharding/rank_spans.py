"""Ranks as messages name them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def rank_spans(ranks: Iterable[int]) -> str:
    """``0, 4-7``; ranks rise."""
    spans = []
    for _, run in groupby(enumerate(ranks), key=lambda each: each[1] - each[0]):
        first, *others = (rank for _, rank in run)
        spans.append(f"{first}-{others[-1]}" if others else str(first))
    return ", ".join(spans)
