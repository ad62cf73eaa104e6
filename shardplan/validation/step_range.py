"""Between what a step lies, by how far published ones like it were from their predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.validation.residuals import residuals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.validation.residuals import Residual

_FEWEST = 3
"""Published steps that a range may rest on."""


@dataclass(frozen=True, slots=True)
class StepRange:
    """A predicted step times the least and the largest of measured over predicted.

    It is of published steps of the same framework on the same kind of devices, or, where there are
    fewer than three, of any framework on these, or of all. If the step at hand is one more of that
    kind, in no particular order, it lies within with odds ``(n - 1) : 2``.
    """

    low_seconds: float
    high_seconds: float
    steps: int
    """Published steps that it rests on."""
    framework: str | None
    """Of these; None: of any."""
    device_class: str | None
    """That these ran on; None: any."""

    @property
    def confidence(self) -> float:
        """How likely one more such step lies within."""
        return (self.steps - 1) / (self.steps + 1)

    @classmethod
    def of(
        cls,
        step_seconds: float,
        device_class: str,
        framework: str | None,
        record: Sequence[Residual] | None = None,
    ) -> StepRange | None:
        """By a record, that of the package by default; None where it holds too few steps."""
        known = residuals() if record is None else record
        for wanted in ((framework, device_class), (None, device_class), (None, None)):
            alike = [
                one.factor
                for one in known
                if wanted[0] in (None, one.framework) and wanted[1] in (None, one.device_class)
            ]
            if len(alike) >= _FEWEST:
                low, high = min(alike) * step_seconds, max(alike) * step_seconds
                return cls(low, high, len(alike), *wanted)
        return None
