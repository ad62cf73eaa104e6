"""One line of a file of measurements, as written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from shardplan.calibrate.measurements.measurement import (
    SUBJECTS,
    Kernel,
    KernelProbe,
    Measurement,
    Transfer,
    WireProbe,
    measured_table,
    subject_named,
)
from shardplan.calibrate.measurements.table_set import TableSet
from shardplan.spec.fields.access import AccessField
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Count, Number
from shardplan.spec.tables.table_spec import Dim, Rows
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from shardplan.workload.table import Table

Duration = Annotated[Number, Field(ge=1e-12, le=10**7)]
"""Seconds."""
Buffer = Annotated[Number, Field(ge=1, le=2**60)]
"""Bytes."""


class MeasuredTable(Border):
    """One of the tables that were looked up together; the keys of a spec's tables."""

    rows: Rows
    dim: Dim
    pooling: Annotated[Number, Field(ge=0, le=10**6)] = 1.0
    access: AccessField = Uniform()
    dtype: Dtype = Dtype.FP32


class MeasurementRow(Border):
    """What was measured, and for how many seconds it ran."""

    subject: str
    seconds: Duration
    tier: Literal["hbm", "ddr"] = "hbm"
    batch: Annotated[Count, Field(le=10**9)] | None = None
    """Samples looked up at once, by one device."""
    optimizer: Optimizer = Optimizer.SGD
    tables: tuple[MeasuredTable, ...] = ()
    ranks: Annotated[Count, Field(le=100_000)] | None = None
    bytes: Buffer | None = None
    """The buffer of one device, the mean where they differ."""
    largest_bytes: Buffer | None = None
    """That of the busiest; as ``bytes`` where it is left out."""
    origin: str = ""
    """The machine, the libraries and the grid of sizes that it was measured with."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.subject not in SUBJECTS:
            hint = did_you_mean(self.subject, SUBJECTS) or "there are: " + ", ".join(SUBJECTS)
            raise fault(f"unknown subject {self.subject!r}", hint, "choice", ("subject",))
        subject = subject_named(self.subject)
        needed = ("tables", "batch") if isinstance(subject, Kernel) else ("bytes",)
        if not isinstance(subject, Kernel | Transfer):
            needed = ("ranks", "bytes")
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise fault(f"{self.subject} needs {' and '.join(missing)}", code="missing")
        if self.largest_bytes and self.bytes and self.largest_bytes < self.bytes:
            raise fault("is less than the mean, bytes", code="range", at=("largest_bytes",))
        return self

    @classmethod
    def of(cls, measurement: Measurement, origin: str = "") -> MeasurementRow:
        """The line of a measurement."""
        probe = measurement.probe
        if isinstance(probe, WireProbe):
            return cls(
                subject=str(probe.subject),
                seconds=measurement.seconds,
                ranks=probe.ranks,
                bytes=probe.mean_bytes,
                largest_bytes=probe.largest_bytes,
                origin=origin,
            )
        tables = tuple(_written(table) for table in probe.set.tables)
        return cls.model_validate(
            {
                "subject": str(probe.subject),
                "seconds": measurement.seconds,
                "tier": probe.tier,
                "batch": probe.set.batch,
                "optimizer": probe.optimizer,
                "tables": tables,
                "origin": origin,
            }
        )

    def measurement(self) -> Measurement:
        """What the line stands for."""
        subject = subject_named(self.subject)
        if isinstance(subject, Kernel):
            assert self.batch is not None, "a kernel has a batch"
            tables = tuple(
                measured_table(index, t.rows, t.dim, t.pooling, t.access, t.dtype)
                for index, t in enumerate(self.tables)
            )
            probe = KernelProbe(subject, self.tier, TableSet(tables, self.batch), self.optimizer)
            return Measurement(probe, self.seconds)
        assert self.bytes is not None, "a transfer has bytes"
        largest = self.largest_bytes or self.bytes
        return Measurement(WireProbe(subject, self.ranks or 1, self.bytes, largest), self.seconds)


def _written(table: Table) -> MeasuredTable:
    values: dict[str, Any] = {"rows": table.rows, "dim": table.dim, "pooling": table.pooling}
    return MeasuredTable.model_construct(**values, access=table.access, dtype=table.dtype)
