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


@dataclass(frozen=True, slots=True)
class FittedAccess:
    """What a spec says of how ids hit the rows of a table."""

    access: Pattern
    error: float | None
    """The largest share by which distinct rows of an eighth of a batch, a batch and 16 of them are
    off the exact rarefaction of the data; None where the data is smaller than an eighth."""


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
    return FittedAccess(access, error_of(access, frequencies, rows, batch, pooling))


def error_of(
    access: Pattern, frequencies: Frequencies, rows: int, batch: float, pooling: float = 1.0
) -> float | None:
    """How far off an access is, as in :class:`FittedAccess`."""
    told = access.distribution(rows, pooling)
    draws = [batch * times for times in SPREAD if 0 < batch * times <= frequencies.accesses]
    exact = {each: frequencies.distinct_rows(each) for each in draws}
    errors = (abs(told.unique_rows(each) / rows_ - 1) for each, rows_ in exact.items())
    return max(errors, default=None)


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
