"""Who is told how a sizing goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SizeReporter:
    """Hears of progress; every hook does nothing unless overridden."""

    def stage(self, name: str, candidates: int) -> None:
        """A part of it begins, with so many candidates."""

    def left(self, stage: str, undecided: int, front: Sequence[int]) -> None:
        """So many candidates are undecided at this ``stage``; these numbers are on the front."""
