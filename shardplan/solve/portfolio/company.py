"""Who is told how far the passes of a solve are, and what runs beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Company:
    """Of a solve on its own: nobody."""

    def searched(self, number: int) -> None:
        """All restarts of a pass are over, and its proofs come now; passes count from 0."""

    def stopped(self) -> None:
        """The solve ends, for whatever reason: nothing more is waited for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing running."""
