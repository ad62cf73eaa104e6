"""What was fitted to whole steps, as a cost-model file and a framework file."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from shardplan.calibrate.fit.cost_model_fit import file_of, page_value
from shardplan.calibrate.fit.wires import scale_up_value, transfer_bytes_per_second
from shardplan.calibrate.fit.written_figures import (
    rate_figure,
    rates_value,
    seconds_figure,
    short,
    time_text,
)
from shardplan.calibrate.measurements.measurement import Transfer
from shardplan.calibrate.steps.design.drawn_plans import LINK_BYTES_PER_SECOND
from shardplan.calibrate.steps.terms.figures import Figures
from shardplan.calibrate.steps.terms.step_term import CurveTerm, SweepTerm
from shardplan.cost.framework.framework_file import FrameworkFile
from shardplan.cost.framework.terms import Terms, UnitTerms
from shardplan.cost.profile.build_profile import build_profile
from shardplan.spec.text.document import Document
from shardplan.spec.validation.validation import validate
from shardplan.units import exact_bytes, exact_rate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.calibrate.accuracy import Accuracy
    from shardplan.calibrate.steps.fitted.measured_machine import MeasuredMachine
    from shardplan.calibrate.steps.fitted.step_calibration import StepCalibration
    from shardplan.cost.profile.profile import KernelCosts, Profile

_STEPS = {"provenance": "measured", "source": "steps"}
_ALONE = {"provenance": "measured", "source": "alone"}
_SAME = {"provenance": "estimated", "source": "same_memory"}
_GUESS = {"provenance": "estimated", "source": "one_node"}
_SOURCES = {
    "steps": "Fitted to whole training steps of small plans; see the section calibration.",
    "alone": "Measured by itself on the same machine, all processes at once.",
    "best_cache": "Of the sizes tried, the one with which the measured steps are predicted best.",
    "nothing_left": "Not told apart from other terms by the steps: the fit leaves nothing for it.",
    "engine": "What the engine does, as docs/executor.md says.",
    "system": "As the operating system has it.",
    "same_memory": "Not measured: the same memory as the device's own, so the same rates.",
    "one_node": "Not measured, for only one machine was; a guess.",
}


def base_figures(measured: MeasuredMachine) -> Figures:
    """Collectives and sweeps as they were measured by themselves; nothing else costs anything.

    Links are those of drawn plans, between which collectives take what they took here.
    Raises ShardplanError where collectives were not measured.
    """
    value = _cost_model(
        "base", measured, {"launch": "0s", "hbm": {}, "ddr": {}}, {"launch": "0s", "hbm": {},
        "ddr": {}}, _alone(measured),
    )  # fmt: skip
    profile = build_profile(file_of(value))
    scale_up = replace(profile.scale_up, link_bytes_per_second=float(LINK_BYTES_PER_SECOND))
    linked = replace(profile, scale_up=scale_up)
    return Figures.of_collectives(linked, sums_read_rows=measured.sums_read_rows)


def cost_model_value(
    name: str, measured: MeasuredMachine, found: StepCalibration
) -> dict[str, Any]:
    """A cost-model file as plain values: kernels as steps run them, collectives likewise."""
    profile = found.figures.profile
    cache = exact_bytes(profile.on_chip_cache_bytes)
    value = _cost_model(
        name,
        measured,
        _kernel(profile.lookup_forward),
        _kernel(profile.update_backward),
        {
            "on_chip_cache": {"value": cache, "provenance": "measured", "source": "best_cache"},
            "dense_update": rate_figure(1 / profile.dense_update_bytes_per_second, _STEPS),
            "scale_up": _in_steps(_alone(measured)["scale_up"], profile, measured.processes),
        },
    )
    named = {figure.source for _, figure in file_of(value | {"sources": _SOURCES}).figures()}
    value["sources"] = {key: text for key, text in _SOURCES.items() if key in named}
    value["sources"]["steps"] += _factors(found)
    machine = measured.machine
    value["calibration"] = {
        "machine": machine.description,
        "processes": measured.processes,
        "libraries": machine.libraries,
        "residuals": _residuals(found),
    }
    return value


def framework_value(
    name: str, cost_model: str, measured: MeasuredMachine, found: StepCalibration
) -> dict[str, Any]:
    """A framework file as plain values; it goes with the cost model of the same steps."""
    engine, machine = measured.engine, measured.machine
    value: dict[str, Any] = {
        "name": name,
        "kind": "framework",
        "description": f"Calibrated: the engine {engine}, beside the cost model {cost_model}",
        "devices": "cpu",
    }
    for phase, terms in found.figures.framework.terms.items():
        if written := _terms(terms):
            value[phase] = written
    value["sources"] = {"steps": _SOURCES["steps"]}
    if measured.sums_read_rows:
        value["sums_read_rows"] = {"value": True, "provenance": "published", "source": "engine"}
        value["sources"]["engine"] = _SOURCES["engine"]
    value["calibration"] = {
        "machine": machine.description,
        "processes": measured.processes,
        "engine": engine,
        "optimizer": str(measured.optimizer),
        "cost_model": cost_model,
        "libraries": machine.libraries,
        "fitted_plans": found.fitted_plans,
        "held_out_plans": found.held_out_plans,
        "residuals": _residuals(found),
    }
    validate(FrameworkFile, Document(value, name))
    return value


def _cost_model(
    name: str,
    measured: MeasuredMachine,
    lookup: Mapping[str, Any],
    update: Mapping[str, Any],
    rest: Mapping[str, Any],
) -> dict[str, Any]:
    machine, engine = measured.machine, measured.engine
    return {
        "name": name,
        "kind": "analytic",
        "description": f"Calibrated: steps of {engine}, {measured.processes} processes on "
        f"{machine.description}",
        **page_value(machine),
        "lookup_forward": lookup,
        "update_backward": update,
        **rest,
        "scale_out": {
            "efficiency": {"value": 0.8, **_GUESS},
            "latency": {"value": "100us", **_GUESS},
            "latency_per_node": {"value": "10us", **_GUESS},
        },
        "sources": dict(_SOURCES),
    }


def _alone(measured: MeasuredMachine) -> dict[str, Any]:
    sweep = 1 / transfer_bytes_per_second(measured.wires, Transfer.SWEEP)
    return {
        "dense_update": rate_figure(sweep, _ALONE),
        "scale_up": scale_up_value(measured.wires, measured.processes, _ALONE),
    }


def _in_steps(alone: dict[str, Any], profile: Profile, ranks: int) -> dict[str, Any]:
    """The measured curves, all points as many times as long as steps say."""
    curves = []
    for curve in alone["curves"]:
        fitted = next(
            of for (kind, n), of in profile.scale_up.curves.items()
            if n == ranks and str(kind) == curve["collective"]
        )  # fmt: skip
        points = [[exact_bytes(round(size)), time_text(seconds)] for size, seconds in fitted.points]
        excess = fitted.excess_seconds_per_byte
        rate = {"excess": exact_rate(short(1 / excess))} if excess else {}
        curves.append(curve | {"points": points} | rate | _STEPS)
    return alone | {"curves": curves}


def _kernel(costs: KernelCosts) -> dict[str, Any]:
    return {
        "launch": seconds_figure(costs.launch_seconds, _STEPS),
        "hbm": rates_value(costs.hbm, _STEPS),
        "ddr": rates_value(costs.hbm, _SAME),
    }


def _terms(terms: UnitTerms) -> dict[str, Any]:
    """Those that are not nothing, those of single types last."""
    found: dict[str, Any] = {}
    for field in fields(terms):
        value = getattr(terms, field.name)
        if not isinstance(value, float) or not value:
            continue
        if field.name == "per_output_byte":
            found["output"] = rate_figure(value, _STEPS)
        else:
            found[field.name] = seconds_figure(value, _STEPS)
    if isinstance(terms, Terms):
        types = {str(kind): written for kind, of in terms.types.items() if (written := _terms(of))}
        found |= {"types": types} if types else {}
    return found


def _residuals(found: StepCalibration) -> dict[str, Any]:
    """By part of the step; of plans that no fit has seen under ``held_out``."""
    both = [*found.fitted.items()]
    both += [(f"held_out_{part}", accuracy) for part, accuracy in found.held_out.items()]
    return {name: _residual(accuracy) for name, accuracy in both}


def _residual(accuracy: Accuracy) -> dict[str, Any]:
    return {
        "measurements": accuracy.count,
        "mean_error": short(accuracy.mean_error),
        "bias": short(accuracy.bias),
        "rank_correlation": short(accuracy.rank_correlation),
    }


def _factors(found: StepCalibration) -> str:
    """How many times as long as alone each collective takes in a step."""
    pairs = zip(found.fit.terms, found.fit.values.tolist(), strict=True)
    told = [f"{t} {value:.2g}" for t, value in pairs if isinstance(t, CurveTerm | SweepTerm)]
    return f" Times as long as alone: {', '.join(told)}."
