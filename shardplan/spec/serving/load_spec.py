"""How queries arrive, and how many candidates each has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Count, Fraction, Number
from shardplan.spec.serving.query_rate import QueryRate
from shardplan.spec.validation.fault import fault
from shardplan.workload.serving.load import Load
from shardplan.workload.serving.query_sizes import QuerySizes

_MOST_CANDIDATES = 1_000_000
Candidates = Annotated[Count, Field(le=_MOST_CANDIDATES)]
"""User-item pairs to be scored."""


class ArrivalsSpec(Border):
    """Arrivals that are no Poisson process."""

    cv2: Annotated[Number, Field(ge=0, le=1000)]
    """Squared coefficient of variation of the gaps between arrivals; ``arrivals: poisson`` stands
    for 1."""


class LoadSpec(Border):
    """How queries arrive."""

    queries: QueryRate
    """In the mean, of all replicas together."""
    peak: Annotated[Number, Field(ge=1, le=1000)] = 1.0
    """By how much the busiest time has more than the mean: what is planned for."""
    arrivals: Literal["poisson"] | ArrivalsSpec = "poisson"

    @property
    def load(self) -> Load:
        """What it says."""
        cv2 = self.arrivals.cv2 if isinstance(self.arrivals, ArrivalsSpec) else 1.0
        return Load(self.queries, self.peak, cv2)


class QuerySpec(Border):
    """How many candidates a query has: exactly one of the three."""

    candidates: Candidates | None = None
    """All alike."""
    lognormal: tuple[Number, Annotated[Number, Field(gt=0, le=10)]] | None = None
    """Mean and standard deviation of the logarithm of the number; needs ``max``."""
    quantiles: (
        Annotated[tuple[tuple[Fraction, Candidates], ...], Field(min_length=2, max_length=1000)]
        | None
    ) = None
    """[Share of the queries, candidates that so many have at most], both rising."""
    max: Candidates | None = None
    """Of ``lognormal``: the most candidates that any has."""

    @model_validator(mode="after")
    def _check(self) -> QuerySpec:
        forms = (self.candidates, self.lognormal, self.quantiles)
        if sum(form is not None for form in forms) != 1:
            message = "must have exactly one of 'candidates', 'lognormal' and 'quantiles'"
            raise fault(message, "for example {candidates: 4096}")
        if (self.lognormal is None) != (self.max is None):
            hint = "for example {lognormal: [5.1, 0.2], max: 1024}"
            raise fault("'lognormal' and 'max' go together", hint)
        points = self.quantiles or ()
        for index in range(1, len(points)):
            before, point = points[index - 1], points[index]
            if point[0] <= before[0] or point[1] < before[1]:
                message = "shares must rise from point to point, and candidates must not fall"
                raise fault(message, "", "range", ("quantiles", index))
        return self

    @property
    def sizes(self) -> QuerySizes:
        """What it says."""
        if self.candidates is not None:
            return QuerySizes.constant(self.candidates)
        if self.lognormal is not None and self.max is not None:
            return QuerySizes.lognormal(*self.lognormal, self.max)
        return QuerySizes.quantiles(self.quantiles or ())
