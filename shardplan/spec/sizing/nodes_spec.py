"""Which numbers of nodes a machine may have."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from shardplan.spec.catalog.reference import MOST_NODES
from shardplan.spec.fields.border import ANY_AS_LIST, ONE_OR_MANY, Shorthand
from shardplan.spec.fields.quantities import Count
from shardplan.spec.validation.fault import fault

Nodes = Annotated[Count, Field(le=MOST_NODES)]
"""How many nodes."""

_MOST_COUNTS = 10_000
"""Numbers of nodes of one machine, more than which would not be told apart."""


class NodesSpec(Shorthand):
    """Numbers of nodes: a list of them, or from one to another."""

    plain: ClassVar[str] = "counts"

    min: Nodes = 1
    """The fewest."""
    max: Nodes | None = None
    """The most."""
    step: Nodes | None = None
    """From one number to the next; powers of two, the fewest and the most where left out."""
    counts: (
        Annotated[
            tuple[Nodes, ...],
            ANY_AS_LIST,
            Field(min_length=1, max_length=_MOST_COUNTS),
            ONE_OR_MANY,
        ]
        | None
    ) = None
    """The numbers one by one, in place of the others; may be written as a plain list."""

    @model_validator(mode="after")
    def _check(self) -> NodesSpec:
        if (self.max is None) == (self.counts is None):
            message = "must be a list, or have a 'max'"
            raise fault(message, "for example [1, 2, 4] or {min: 1, max: 64}")
        if self.max is not None and self.max < self.min:
            raise fault(f"must be at least min, {self.min}", "", "range", ("max",))
        if self.step and self.max and (self.max - self.min) // self.step >= _MOST_COUNTS:
            raise fault(f"leads to more than {_MOST_COUNTS:,} numbers", "", "range", ("step",))
        return self

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of them, rising."""
        if self.counts is not None:
            return tuple(sorted(set(self.counts)))
        least, most = self.min, self.max or self.min
        if self.step is not None:
            return tuple(range(least, most + 1, self.step))
        powers = (1 << power for power in range(most.bit_length()))
        return tuple(sorted({least, most, *(each for each in powers if least <= each <= most)}))
