"""The id that fills lists up, as written: ``{id: 0, share: 66%}``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Fraction, Whole
from shardplan.workload.access import Padding


class PaddingSpec(Border):
    """The id that fills what is left of lists that are made equally long."""

    id: Annotated[Whole, Field(ge=0, le=10**13)] = 0
    share: Fraction
    """Of all ids of the table, those that are but padding; 0 where none are."""

    @classmethod
    def of(cls, padding: Padding) -> Self:
        """As a spec has it."""
        return cls(id=padding.id, share=padding.share)

    @property
    def padding(self) -> Padding:
        """The same for the planner."""
        return Padding(self.id, float(self.share))
