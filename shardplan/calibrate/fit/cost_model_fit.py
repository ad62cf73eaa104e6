"""From the measurements of a machine to its cost-model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.calibrate.comparison import compare
from shardplan.calibrate.fit.curve_fit import fit_curve
from shardplan.calibrate.fit.kernel_fit import CACHE_SIZES, KernelFit, fit_kernel
from shardplan.calibrate.fit.relative_fit import relative_fit
from shardplan.calibrate.measurements.measurement import Kernel, KernelProbe, Transfer, WireProbe
from shardplan.cost.algorithms.algorithm import bus_share
from shardplan.cost.profile.build_profile import build_profile
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.errors import ShardplanError
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.topology.collective import Collective
from shardplan.units import exact_bytes, exact_rate, exact_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measure.machine import Machine
    from shardplan.calibrate.measurements.measurement import Measurement
    from shardplan.cost.profile.profile import LookupRates

_FEWEST_SETS = 12
_FROM = {"provenance": "measured", "source": "calibration"}
_GUESS = {"provenance": "estimated", "source": "one_node"}
_NOTHING = {"provenance": "estimated", "source": "nothing_left"}
_SOURCES = {
    "calibration": "shardplan calibrate; see the section calibration",
    "best_cache": "Of the sizes tried, the one with which the measured times are predicted best.",
    "nothing_left": (
        "Not told apart from the other terms by the measurements: the fit leaves nothing for it."
    ),
    "shared_gpu": (
        "Measured through the host's memory, for several processes shared a GPU: no link between "
        "GPUs is so slow."
    ),
    "system": "As the operating system has it.",
    "same_memory": "Not measured: the same memory as the device's own, so the same rates.",
    "host_rows": (
        "Not measured: lookups of rows in host memory are taken to cost what those of the device's "
        "own cost, but that rows come over the path to the host at its full rate."
    ),
    "one_node": "Not measured, for only one machine was; a guess.",
}


def fit_cost_model(
    name: str, machine: Machine, processes: int, measurements: Sequence[Measurement]
) -> dict[str, Any]:
    """A cost-model file as plain values, which every reader of such files accepts.

    Raises ShardplanError where there are too few measurements.
    """
    forward, update = _kernel_fits(measurements, machine.page_bytes)
    value: dict[str, Any] = {
        "name": name,
        "kind": "analytic",
        "description": f"Calibrated: {processes} processes on {machine.description}",
        "on_chip_cache": {
            "value": exact_bytes(forward.cache_bytes),
            "provenance": "measured",
            "source": "best_cache",
        },
        **_page(machine),
        str(Kernel.LOOKUP_FORWARD): _kernel_value(forward, machine.on_gpu),
        str(Kernel.UPDATE_BACKWARD): _kernel_value(update, machine.on_gpu),
        "dense_update": _rate(1 / _transfer_rate(measurements, Transfer.SWEEP)),
        "scale_up": _scale_up(measurements, processes, _wires_from(machine, processes)),
        "scale_out": {
            "efficiency": {"value": 0.8, **_GUESS},
            "latency": {"value": "100us", **_GUESS},
            "latency_per_node": {"value": "10us", **_GUESS},
        },
    }
    named = {figure.source for _, figure in _file(value | {"sources": _SOURCES}).figures()}
    value["sources"] = {key: text for key, text in _SOURCES.items() if key in named}
    value["calibration"] = _calibration(value, machine, processes, measurements)
    return value


def _kernel_fits(
    measurements: Sequence[Measurement], page_bytes: int
) -> tuple[KernelFit, KernelFit]:
    """Forward and update, with the one cache size that suits both together best."""
    both = [_sets(measurements, each) for each in (Kernel.LOOKUP_FORWARD, Kernel.UPDATE_BACKWARD)]
    if min(len(sets) for sets, _ in both) < _FEWEST_SETS:
        message = f"a fit needs at least {_FEWEST_SETS} measured sets of tables; raise the budget"
        raise ShardplanError(message)
    tried = []
    for cache_bytes in CACHE_SIZES:
        forward, update = (fit_kernel(*each, page_bytes, [cache_bytes]) for each in both)
        error = sum(
            float(np.abs(fit.seconds(sets) / seconds - 1).mean())
            for fit, (sets, seconds) in zip((forward, update), both, strict=True)
        )
        tried.append((error, cache_bytes, forward, update))
    _, _, forward, update = min(tried, key=lambda each: each[:2])
    return forward, update


def _sets(measurements: Sequence[Measurement], subject: Kernel) -> tuple[list[Any], Any]:
    chosen = [
        (each.probe.set, each.seconds)
        for each in measurements
        if isinstance(each.probe, KernelProbe) and each.probe.subject is subject
    ]
    return [table_set for table_set, _ in chosen], np.array([seconds for _, seconds in chosen])


def _page(machine: Machine) -> dict[str, Any]:
    if not machine.page_bytes:
        return {}
    size = exact_bytes(machine.page_bytes)
    return {"page": {"value": size, "provenance": "published", "source": "system"}}


def _kernel_value(fit: KernelFit, on_gpu: bool) -> dict[str, Any]:
    rates = _rates(fit.rates)
    origin = {"provenance": "estimated", "source": "host_rows" if on_gpu else "same_memory"}
    ddr = {name: figure | origin for name, figure in rates.items()}
    if on_gpu:  # rows come over the path to the host, which PyTorch alone cannot look up from
        ddr.pop("read", None)
        ddr.pop("unique", None)
        ddr |= {name: {"value": 1.0, **origin} for name in ("path_read", "path_unique")}
    return {"launch": _seconds(fit.launch_seconds), "hbm": rates, "ddr": ddr}


def _rates(rates: LookupRates) -> dict[str, Any]:
    seconds = {
        "per_table": rates.per_table,
        "per_id": rates.per_id,
        "per_fetch": rates.per_fetch,
        "per_unique_row": rates.per_unique_row,
    }
    per_byte = {
        "read": rates.per_read_byte,
        "cached_read": rates.per_cached_byte,
        "unique": rates.per_unique_byte,
        "output": rates.per_output_byte,
        "gather": rates.per_gathered_byte,
    }
    found = {name: _seconds(value) for name, value in seconds.items() if value > 0}
    found |= {name: _rate(value) for name, value in per_byte.items() if value > 0}
    return {"cached_read": {"value": "free", **_NOTHING}} | found


def _wires_from(machine: Machine, processes: int) -> dict[str, Any]:
    """How collectives are known."""
    is_shared = machine.on_gpu and machine.gpus < processes
    return {"provenance": "estimated", "source": "shared_gpu"} if is_shared else _FROM


def _scale_up(
    measurements: Sequence[Measurement], processes: int, origin: dict[str, Any]
) -> dict[str, Any]:
    curves = [
        curve | origin
        for kind in Collective
        if (curve := _curve(measurements, kind, processes)) is not None
    ]
    return {"link": _rate(1 / _attained(measurements, processes)) | origin, "curves": curves}


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
    points = [[exact_bytes(round(size)), _time_text(seconds)] for size, seconds in curve.points]
    excess = curve.excess_seconds_per_byte
    return {
        "collective": str(kind),
        "ranks": processes,
        "points": points,
        **({"excess": exact_rate(_short(1 / excess))} if excess else {}),
    }


def _transfer_rate(measurements: Sequence[Measurement], subject: Transfer) -> float:
    """Bytes per second of the larger transfers."""
    found = [
        (each.probe.mean_bytes, each.seconds)
        for each in measurements
        if isinstance(each.probe, WireProbe) and each.probe.subject is subject
    ]
    if not found:
        raise ShardplanError(f"{subject} was not measured; raise the budget")
    sizes, seconds = np.array(sorted(found)[-1:]).T
    return float(1 / relative_fit(sizes[:, None], seconds)[0])


def _file(value: dict[str, Any]) -> ProfileFile:
    return validate(ProfileFile, Document(value, value["name"]))


def _calibration(
    value: dict[str, Any],
    machine: Machine,
    processes: int,
    measurements: Sequence[Measurement],
) -> dict[str, Any]:
    profile = build_profile(_file(value))
    residuals = {
        subject: {
            "measurements": found.count,
            "mean_error": _short(found.mean_error),
            "bias": _short(found.bias),
            "rank_correlation": _short(found.rank_correlation),
        }
        for subject, found in compare(profile, measurements).subjects.items()
    }
    return {
        "machine": machine.description,
        "processes": processes,
        "libraries": machine.libraries,
        **{
            str(each): exact_rate(_short(_transfer_rate(measurements, each)))
            for each in (Transfer.FROM_HOST, Transfer.TO_HOST)
        },
        "residuals": residuals,
    }


def _seconds(value: float) -> dict[str, Any]:
    return {"value": _time_text(value), **(_FROM if value else _NOTHING)}


def _rate(seconds_per_byte: float) -> dict[str, Any]:
    return {"value": exact_rate(_short(1 / seconds_per_byte)), **_FROM}


def _time_text(seconds: float) -> str:
    return exact_seconds(_short(seconds))


def _short(value: float) -> float:
    """Four digits, which is more than a measurement is worth."""
    return float(f"{value:.4g}")
