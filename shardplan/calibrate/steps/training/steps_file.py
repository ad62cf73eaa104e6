"""Measured steps of a design as a CSV file, to be gone on with."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from shardplan.calibrate.measurements.csv_document import csv_document
from shardplan.calibrate.measurements.growing_file import GrowingFile
from shardplan.calibrate.steps.training.step_time import StepTime
from shardplan.errors import InputError
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Number, Whole
from shardplan.spec.validation.validation import validate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shardplan.spec.text.document import Document

Positive = Annotated[Number, Field(ge=1e-12, le=10**7)]


class _StepRow(Border):
    """A line; the columns are those of ``StepTime``."""

    plan: Annotated[Whole, Field(ge=0)]
    distribute_seconds: Positive
    forward_seconds: Positive
    backward_seconds: Positive
    step_seconds: Positive
    core_seconds: Annotated[Number, Field(ge=0)]
    apart: Annotated[Number, Field(ge=0)]
    origin: str
    """The machine, the libraries, the engine and the design."""


class _Rows(Border):
    measurements: tuple[_StepRow, ...]


COLUMNS = tuple(_StepRow.model_fields)


def resume_steps(path: Path, origin: str) -> list[StepTime]:
    """The steps of a file that is to be gone on with; a half line at its end is cut off.

    Raises InputError with every fault of the file and its line, and for steps of another origin;
    the file is left as it is then.
    """
    file = GrowingFile(path)
    text = file.whole_lines()
    found = _steps(csv_document(text, str(path), COLUMNS, COLUMNS), origin) if text else []
    file.cut_half_line()
    return found


def _steps(document: Document, origin: str) -> list[StepTime]:
    rows = validate(_Rows, document).measurements
    for index, row in enumerate(rows):
        if row.origin != origin:
            message = f"measured with {row.origin}; this calibration is one with {origin}"
            hint = "move the file away to measure again, or write the cost model elsewhere"
            raise InputError([document.diagnostic(("measurements", index), message, hint)])
    return [StepTime(**row.model_dump(exclude={"origin"})) for row in rows]


def steps_csv(steps: Sequence[StepTime], origin: str, with_header: bool = False) -> str:
    """The text of a file, or of lines to append to one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if with_header:
        writer.writerow(COLUMNS)
    names = [field.name for field in fields(StepTime)]
    writer.writerows([*(getattr(each, name) for name in names), origin] for each in steps)
    return out.getvalue()
