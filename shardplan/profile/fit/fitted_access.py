"""The accesses of a table as a spec has them, and how far off they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.profile.fit.access_form import AccessForm
from shardplan.profile.fit.points import MOST_POINTS, cdf_of
from shardplan.profile.fit.population import population_of
from shardplan.profile.fit.uniformity import is_uniform
from shardplan.profile.fit.zipf_law import zipf_of
from shardplan.workload.access import Reuse, Uniform
from shardplan.workload.reuse import REFERENCE_BATCH

if TYPE_CHECKING:
    from shardplan.profile.frequencies import Frequencies
    from shardplan.workload.access import Pattern

SPREAD = (0.125, 1.0, 16.0)
"""Batches, as multiples of the step's, at which a fit is held against the data."""

WORTH_A_WARNING = 0.01
"""Share of the distinct rows from which on it is told how far off a fit is."""


@dataclass(frozen=True, slots=True)
class FittedAccess:
    """What a spec says of how ids hit the rows of a table."""

    access: Pattern
    error: float | None
    """The largest share by which distinct rows of an eighth of a batch, a batch and 16 of them are
    off the exact rarefaction of the data; None where the data is smaller than an eighth."""
    worst_at: float | None
    """At how many batches that is."""


def access_of(
    frequencies: Frequencies,
    rows: int,
    batch: float,
    *,
    form: AccessForm = AccessForm.CDF,
    pooling: float = 1.0,
    most_points: int = MOST_POINTS,
) -> FittedAccess:
    """The access of a table of ``rows`` rows, ``batch`` accesses of which are read in a step.

    ``uniform`` where the data does not tell rows apart, and of a table of which nothing was read;
    else of the form that is asked for. ``pooling`` is the mean ids per sample of the table, by
    which a reuse histogram is scaled. Of a padded table it is about the other ids: counts without
    the padding's, and rows without its own.

    Raises ValueError where rows are fewer than ids, and for a reuse histogram of less data than it
    takes.
    """
    access = _access(frequencies, rows, batch, form, pooling, most_points)
    told = access.distribution(rows, pooling)
    errors = {
        times: abs(told.unique_rows(batch * times) / frequencies.distinct_rows(batch * times) - 1)
        for times in SPREAD
        if 0 < batch * times <= frequencies.accesses
    }
    worst = max(errors, key=errors.__getitem__, default=None)
    return FittedAccess(access, None if worst is None else errors[worst], worst)


def _access(
    frequencies: Frequencies,
    rows: int,
    batch: float,
    form: AccessForm,
    pooling: float,
    most_points: int,
) -> Pattern:
    if not frequencies.accesses or is_uniform(frequencies, rows):
        return Uniform()
    match form:
        case AccessForm.ZIPF:
            return zipf_of(frequencies, rows)
        case AccessForm.REUSE:
            bins = frequencies.reuse(REFERENCE_BATCH * pooling)
            return Reuse(tuple(bins.round(9).tolist()))
        case AccessForm.CDF:
            return cdf_of(population_of(frequencies, rows), rows, batch, most_points)
