"""What a file of published steps may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.figure import Provenance
from shardplan.spec.fields.quantities import Count, Number, Seconds
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean, show
from shardplan.validation.use import Use

if TYPE_CHECKING:
    from collections.abc import Iterable

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[Number, Field(gt=0, le=10**18)]


def _more_than_nothing(seconds: float) -> float:
    if seconds <= 0:
        raise fault("must be more than 0 seconds", "", "range")
    return seconds


SomeSeconds = Annotated[Seconds, AfterValidator(_more_than_nothing)]
Values = dict[str, Any]
"""A part of a spec or of a topology, which is validated once it is whole."""


class TableSetFile(Border):
    """Tables of one dim, one feature each."""

    dim: Count
    rows: Annotated[tuple[Count, ...], Field(min_length=1)]
    pooling: tuple[Positive, ...] = ()
    """Ids per sample of each table; where left out, one."""
    source: Text

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if self.pooling and len(self.pooling) != len(self.rows):
            message = f"there are {len(self.rows)} tables, but {len(self.pooling)} poolings"
            raise fault(message, "one for each table", at=("pooling",))
        return self

    def tables(self) -> list[Values]:
        """As a spec writes them."""
        pooling = self.pooling or (1,) * len(self.rows)
        return [
            {"name": f"t_{index}", "rows": rows, "dim": self.dim, "pooling": ids}
            for index, (rows, ids) in enumerate(zip(self.rows, pooling, strict=True))
        ]


class ConvergenceFile(Border):
    """Samples until the target is reached, by global batch."""

    samples_per_epoch: Count
    epochs: Positive
    """Of a very small batch."""
    critical_batch: Positive
    """The batch that needs twice as many epochs."""
    granularity: Positive
    """Share of an epoch between two evaluations."""
    provenance: Provenance
    source: Text


class ModelFile(Border):
    """A model: what of the spec its steps have in common."""

    tables: Name | None = None
    """Which of the file's ``table_sets``; none where they are not published."""
    spec: Values = Field(default_factory=dict)
    overlap: str = ""
    """What runs beside what, as the source tells it."""
    access: Text
    """How ids are spread over rows, and how that is known."""
    convergence: ConvergenceFile | None = None
    source: Text


class MachineFile(Border):
    """A machine that differs from a shipped topology."""

    base: Name
    """Name of the topology."""
    nodes: Count = 1
    change: Values
    """Laid over the topology's file; null takes a key away."""


class MeasuredFile(Border):
    """What one training step took."""

    step: SomeSeconds
    lowest_run: SomeSeconds | None = None
    highest_run: SomeSeconds | None = None
    runs: Count = 1
    provenance: Provenance
    source: Text


class TrainedFile(Border):
    """A whole training to the target of a benchmark."""

    minutes: Positive
    """The score."""
    samples: Count
    """Until the target was reached."""
    evaluations: Positive
    evaluation: Seconds
    """What one evaluation takes."""


class StepFile(Border):
    """One published step and the spec that predicts it."""

    id: Name
    model: Name
    device: Name
    framework: Name
    machine: Name | None = None
    """Which of the file's ``machines``; none where the spec names a topology."""
    spec: Values = Field(default_factory=dict)
    """Laid over the model's; null takes a key away."""
    measured: MeasuredFile
    trained: TrainedFile | None = None
    sharding: Text
    """How the tables were sharded, as the source tells it."""
    notes: str = ""
    use: Use
    reason: str = ""
    """Why it is no ``check``."""
    why: Text
    """Why its prediction is off."""

    @model_validator(mode="after")
    def _check_reason(self) -> Self:
        if (self.use is Use.CHECK) == bool(self.reason):
            message = "a check needs no reason" if self.reason else f"why is it a {self.use}?"
            raise fault(message, "", at=("reason",) if self.reason else ())
        return self


class PublishedFile(Border):
    """Steps of one family of models."""

    name: Name
    about: Text
    licence: Text
    """Of the source."""
    method: str = ""
    """How a step was read off the source."""
    table_sets: dict[str, TableSetFile] = Field(default_factory=dict)
    models: dict[str, ModelFile]
    machines: dict[str, MachineFile] = Field(default_factory=dict)
    steps: tuple[StepFile, ...]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for name, model in self.models.items():
            _check(model.tables, self.table_sets, "table set", ("models", name, "tables"))
        seen: set[str] = set()
        for index, step in enumerate(self.steps):
            _check(step.model, self.models, "model", ("steps", index, "model"))
            _check(step.machine, self.machines, "machine", ("steps", index, "machine"))
            if step.id in seen:
                raise fault(f"a second step {show(step.id)}", at=("steps", index, "id"))
            seen.add(step.id)
        return self


def _check(name: str | None, known: Iterable[str], noun: str, at: tuple[str | int, ...]) -> None:
    """Raise the fault of a name that stands for nothing."""
    names = list(known)
    if name is not None and name not in names:
        raise fault(f"there is no {noun} {show(name)}", did_you_mean(name, names), at=at)
