"""From the measurements of a machine to its cost-model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.calibrate.comparison import compare
from shardplan.calibrate.fit.kernel_fit import CACHE_SIZES, KernelFit, fit_kernel
from shardplan.calibrate.fit.wires import scale_up_value, transfer_bytes_per_second
from shardplan.calibrate.fit.written_figures import (
    rate_figure,
    rates_value,
    seconds_figure,
    short,
)
from shardplan.calibrate.measurements.measurement import Kernel, KernelProbe, Transfer
from shardplan.cost.profile.build_profile import build_profile
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.errors import ShardplanError
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.units import exact_bytes, exact_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.calibrate.measure.machine import Machine
    from shardplan.calibrate.measurements.measurement import Measurement

_FEWEST_SETS = 12
FROM = {"provenance": "measured", "source": "calibration"}
GUESS = {"provenance": "estimated", "source": "one_node"}
SOURCES = {
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
        **page_value(machine),
        str(Kernel.LOOKUP_FORWARD): _kernel_value(forward, machine.on_gpu),
        str(Kernel.UPDATE_BACKWARD): _kernel_value(update, machine.on_gpu),
        "dense_update": rate_figure(
            1 / transfer_bytes_per_second(measurements, Transfer.SWEEP), FROM
        ),
        "scale_up": scale_up_value(measurements, processes, _wires_from(machine, processes)),
        "scale_out": {
            "efficiency": {"value": 0.8, **GUESS},
            "latency": {"value": "100us", **GUESS},
            "latency_per_node": {"value": "10us", **GUESS},
        },
    }
    named = {figure.source for _, figure in file_of(value | {"sources": SOURCES}).figures()}
    value["sources"] = {key: text for key, text in SOURCES.items() if key in named}
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


def page_value(machine: Machine) -> dict[str, Any]:
    """The key of a page's size, where the machine has it."""
    if not machine.page_bytes:
        return {}
    size = exact_bytes(machine.page_bytes)
    return {"page": {"value": size, "provenance": "published", "source": "system"}}


def _kernel_value(fit: KernelFit, on_gpu: bool) -> dict[str, Any]:
    rates = rates_value(fit.rates, FROM)
    origin = {"provenance": "estimated", "source": "host_rows" if on_gpu else "same_memory"}
    ddr = {name: figure | origin for name, figure in rates.items()}
    if on_gpu:  # rows come over the path to the host, which PyTorch alone cannot look up from
        ddr.pop("read", None)
        ddr.pop("unique", None)
        ddr |= {name: {"value": 1.0, **origin} for name in ("path_read", "path_unique")}
    return {"launch": seconds_figure(fit.launch_seconds, FROM), "hbm": rates, "ddr": ddr}


def _wires_from(machine: Machine, processes: int) -> dict[str, Any]:
    """How collectives are known."""
    is_shared = machine.on_gpu and machine.gpus < processes
    return {"provenance": "estimated", "source": "shared_gpu"} if is_shared else FROM


def file_of(value: dict[str, Any]) -> ProfileFile:
    """The values as every reader of cost models reads them."""
    return validate(ProfileFile, Document(value, value["name"]))


def _calibration(
    value: dict[str, Any],
    machine: Machine,
    processes: int,
    measurements: Sequence[Measurement],
) -> dict[str, Any]:
    profile = build_profile(file_of(value))
    residuals = {
        subject: {
            "measurements": found.count,
            "mean_error": short(found.mean_error),
            "bias": short(found.bias),
            "rank_correlation": short(found.rank_correlation),
        }
        for subject, found in compare(profile, measurements).subjects.items()
    }
    return {
        "machine": machine.description,
        "processes": processes,
        "libraries": machine.libraries,
        **{
            str(each): exact_rate(short(transfer_bytes_per_second(measurements, each)))
            for each in (Transfer.FROM_HOST, Transfer.TO_HOST)
        },
        "residuals": residuals,
    }
