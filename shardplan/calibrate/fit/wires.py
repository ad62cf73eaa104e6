"""Collectives and transfers of a machine, from measurements to figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.calibrate.fit.curve_fit import fit_curve
from shardplan.calibrate.fit.relative_fit import relative_fit
from shardplan.calibrate.fit.written_figures import rate_figure, short, time_text
from shardplan.calibrate.measurements.measurement import Transfer, WireProbe
from shardplan.cost.algorithms.algorithm import bus_share
from shardplan.errors import ShardplanError
from shardplan.topology.collective import Collective
from shardplan.units import exact_bytes, exact_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measurements.measurement import Measurement


def scale_up_value(
    measurements: Sequence[Measurement], processes: int, origin: dict[str, Any]
) -> dict[str, Any]:
    """The link and the curves of all collectives. Raises ShardplanError without an all-to-all."""
    curves = [
        curve | origin
        for kind in Collective
        if (curve := _curve(measurements, kind, processes)) is not None
    ]
    return {"link": rate_figure(1 / _attained(measurements, processes), origin), "curves": curves}


def _attained(measurements: Sequence[Measurement], processes: int) -> float:
    """Bytes per second that one process sends in the largest all-to-all of equal buffers."""
    found = [
        (each.probe.mean_bytes, each.seconds)
        for each in measurements
        if isinstance(each.probe, WireProbe)
        and each.probe.subject is Collective.ALL_TO_ALL
        and each.probe.mean_bytes == each.probe.largest_bytes
    ]
    if not found:
        raise ShardplanError("no all-to-all was measured; raise the budget")
    size, seconds = max(found)
    return size * bus_share(Collective.ALL_TO_ALL, processes) / seconds


def _curve(
    measurements: Sequence[Measurement], kind: Collective, processes: int
) -> dict[str, Any] | None:
    chosen = [each for each in measurements if each.probe.subject is kind]
    probes = [each.probe for each in chosen if isinstance(each.probe, WireProbe)]
    if not probes:
        return None
    curve = fit_curve(
        np.array([probe.mean_bytes for probe in probes]),
        np.array([probe.largest_bytes for probe in probes]),
        np.array([each.seconds for each in chosen]),
    )
    points = [[exact_bytes(round(size)), time_text(seconds)] for size, seconds in curve.points]
    excess = curve.excess_seconds_per_byte
    return {
        "collective": str(kind),
        "ranks": processes,
        "points": points,
        **({"excess": exact_rate(short(1 / excess))} if excess else {}),
    }


def transfer_bytes_per_second(measurements: Sequence[Measurement], subject: Transfer) -> float:
    """Of the larger transfers. Raises ShardplanError where there are none."""
    found = [
        (each.probe.mean_bytes, each.seconds)
        for each in measurements
        if isinstance(each.probe, WireProbe) and each.probe.subject is subject
    ]
    if not found:
        raise ShardplanError(f"{subject} was not measured; raise the budget")
    sizes, seconds = np.array(sorted(found)[-1:]).T
    return float(1 / relative_fit(sizes[:, None], seconds)[0])
