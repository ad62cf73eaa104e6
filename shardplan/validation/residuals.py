"""How far published steps were from their predictions, as it was last recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import RootModel

from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.quantities import Seconds
from shardplan.spec.text.document import read_document
from shardplan.spec.validation.validation import validate

FILE = "residuals.yaml"


class _ResidualFile(Border):
    """One step of the record."""

    id: Name
    kind: Name
    framework: Name
    measured: Seconds
    predicted: Seconds


class _ResidualsFile(RootModel[tuple[_ResidualFile, ...]]):
    """The record."""


@dataclass(frozen=True, slots=True)
class Residual:
    """A published step that counts, and what was predicted for it."""

    id: str
    device_class: str
    framework: str
    measured_seconds: float
    predicted_seconds: float

    @property
    def factor(self) -> float:
        """Measured over predicted."""
        return self.measured_seconds / self.predicted_seconds


@cache
def residuals() -> tuple[Residual, ...]:
    """The record that comes with the package."""
    text = (files("shardplan.validation") / FILE).read_text(encoding="utf-8")
    record = validate(_ResidualsFile, read_document(text, FILE))
    return tuple(
        Residual(row.id, row.kind, row.framework, row.measured, row.predicted)
        for row in record.root
    )
