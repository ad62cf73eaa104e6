"""What one rank may hold of each tier of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class TierLimits:
    """Bytes of each tier; None where there is no limit."""

    hbm_bytes: int | None = None
    ddr_bytes: int | None = None
    ssd_bytes: int | None = None

    def __iter__(self) -> Iterator[tuple[str, int | None]]:
        """Each tier's name and limit, the nearest tier first."""
        yield from (("hbm", self.hbm_bytes), ("ddr", self.ddr_bytes), ("ssd", self.ssd_bytes))


UNLIMITED = TierLimits()
