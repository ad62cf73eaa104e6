"""What a framework file may say of one phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.figure import Figure
from shardplan.spec.fields.quantities import Count, RateOrFree, Seconds, SomeBytes
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean, show
from shardplan.workload.optimizers.optimizer import OPTIMIZERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class UnitTermsFile(Border):
    """What a framework adds to a phase for the tables there; what is left out costs nothing.

    Bytes are moved at the rate at which the device sweeps its memory, ``dense_update`` of the cost
    model. Phases in which devices exchange something have them only where there are several
    devices, and only for the tables that take part in the exchange.
    """

    per_group: Figure[Seconds] | None = None
    """Once for each sharding type that a module has any table of."""
    exchanges: Figure[Count] | None = None
    """All-to-alls of a few bytes, for each sharding type that a module has any table of."""
    per_table: Figure[Seconds] | None = None
    """Per table or column shard on the device."""
    per_feature: Figure[Seconds] | None = None
    """Per feature of these."""
    per_id: Figure[Seconds] | None = None
    """Per id looked up on the device."""
    per_bucketed_id: Figure[Seconds] | None = None
    """Per id of a table whose rows are cut, which is sorted by where its row lies."""
    per_row_element: Figure[Seconds] | None = None
    """Per element of the rows of all ids."""
    per_weight: Figure[Seconds] | None = None
    """Per weight of data-parallel tables, whose gradients are dense."""
    id_bytes: Figure[SomeBytes] | None = None
    """Moved per id looked up on the device."""
    row_bytes: Figure[SomeBytes] | None = None
    """Moved per element of the rows of all ids."""
    unique_row_bytes: Figure[SomeBytes] | None = None
    """Moved per element of the distinct rows of the batch."""
    summed_row_bytes: Figure[SomeBytes] | None = None
    """Moved per element of rows that are summed with others, all but one of each sample's, where
    they are not summed as they are read."""
    output_bytes: Figure[SomeBytes] | None = None
    """Moved per element of pooled outputs, or of their gradients."""
    whole_output_bytes: Figure[SomeBytes] | None = None
    """Moved per element of pooled outputs, or of their gradients, where all parts of a sample's
    rows are summed."""
    output: Figure[RateOrFree] | None = None
    """Rate at which the bytes of pooled outputs, or of their gradients, are moved besides."""
    per_own_feature: Figure[Seconds] | None = None
    """Per feature that is exchanged, on each device: it sends or receives that of its samples."""
    per_own_id: Figure[Seconds] | None = None
    """Per id of a device's own samples that is exchanged, wherever its row is."""
    per_own_output: Figure[Seconds] | None = None
    """Per element of the outputs of a device's own samples, or of their gradients, that is
    exchanged."""
    own_output_bytes: Figure[SomeBytes] | None = None
    """Moved per element of these."""

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Figure[Any]]]:
        """Everything with an origin, and its path."""
        for name in type(self).model_fields:
            figure = getattr(self, name)
            if isinstance(figure, Figure):
                yield (name,), figure


class TypedTermsFile(UnitTermsFile):
    """What a framework adds to a phase for tables of any sharding type, and for those of one."""

    types: dict[str, UnitTermsFile] = Field(default_factory=dict)
    """What is added besides for the tables of one sharding type, by its name."""

    @model_validator(mode="after")
    def _check_types(self) -> Self:
        _check_names("types", "sharding type", self.types, [kind.name for kind in SHARDING_TYPES])
        return self

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Figure[Any]]]:
        """Everything with an origin, and its path; that of single types last."""
        yield from super().figures()
        for name, terms in self.types.items():
            for path, figure in terms.figures():
                yield ("types", name, *path), figure


class TermsFile(TypedTermsFile):
    """What a framework adds to a phase: for its tables, and by every plan alike."""

    per_step: Figure[Seconds] | None = None
    """Once per step."""
    per_sample: Figure[Seconds] | None = None
    """Per sample of a device's own part of the batch."""
    per_model_feature: Figure[Seconds] | None = None
    """Per feature of the model, wherever its table is."""
    per_model_output: Figure[Seconds] | None = None
    """Per element of the pooled outputs of a device's own samples, whoever sums them."""
    distinct_id_bytes: Figure[SomeBytes] | None = None
    """Moved per id of a device's own samples that is made distinct before it travels."""
    expanded_bytes: Figure[SomeBytes] | None = None
    """Moved per element of the outputs that ids made distinct are given again."""
    optimizers: dict[str, UnitTermsFile] = Field(default_factory=dict)
    """What is added besides under one optimizer of the tables, by its name."""
    unpooled: TypedTermsFile | None = None
    """What is added besides for tables that give an output for each id."""

    @model_validator(mode="after")
    def _check_optimizers(self) -> Self:
        known = [str(each) for each in OPTIMIZERS]
        _check_names("optimizers", "optimizer", self.optimizers, known)
        return self

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Figure[Any]]]:
        """Everything with an origin, and its path; that of some tables alone last."""
        yield from super().figures()
        for name, terms in self.optimizers.items():
            for path, figure in terms.figures():
                yield ("optimizers", name, *path), figure
        if self.unpooled:
            for path, figure in self.unpooled.figures():
                yield ("unpooled", *path), figure


def _check_names(key: str, what: str, named: dict[str, UnitTermsFile], known: list[str]) -> None:
    for name in named:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(known)}"
            raise fault(f"unknown {what} {show(name)}", hint, "choice", (key,))
