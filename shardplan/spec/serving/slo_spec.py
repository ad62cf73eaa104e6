"""Limits of the latency of whole queries, as written: ``{p99: 60ms, p50: 20ms}``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from shardplan.spec.fields.quantities import Seconds
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import got
from shardplan.workload.serving.slo import LatencyLimit

_PERCENTILE = re.compile(r"p([1-9]\d?(?:\.\d{1,4})?)", re.ASCII)


def _check_name(name: str) -> str:
    if _PERCENTILE.fullmatch(name) is None:
        raise fault(f"must be a percentile{got(name)}", "for example p99 or p99.9", "choice")
    return name


def _more_than_nothing(seconds: float) -> float:
    if seconds <= 0:
        raise fault("must be more than 0", "for example 60ms", "range")
    return seconds


Slo = dict[
    Annotated[str, AfterValidator(_check_name)],
    Annotated[Seconds, AfterValidator(_more_than_nothing)],
]
"""By percentiles."""


def limits_of(slo: Slo) -> tuple[LatencyLimit, ...]:
    """What it says, in its order."""
    return tuple(LatencyLimit(float(name[1:]) / 100, seconds) for name, seconds in slo.items())
