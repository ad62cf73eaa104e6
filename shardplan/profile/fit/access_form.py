"""In which form the accesses of a table are written."""

from __future__ import annotations

from enum import StrEnum


class AccessForm(StrEnum):
    """A form of a spec's ``access``; where rows are read alike, it is ``uniform`` in any case."""

    CDF = "cdf"
    """The curve of the population: what tells distinct rows and hit rates best."""
    ZIPF = "zipf"
    """The law that comes nearest: short, and as far off as it says."""
    REUSE = "reuse"
    """The histogram that a batch of 65,536 samples is expected to show."""
