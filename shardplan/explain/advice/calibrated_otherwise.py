"""A framework whose figures were fitted to steps of another kind than the spec's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_PATH = ("training", "framework")
_HINT = "calibrate with them, or take its steps for estimates"


class CalibratedOtherwise(Rule):
    """Says with which optimizer, number of processes and cost model the steps were trained."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """At the framework's key."""
        for sentence in _found(case):
            yield Warned("calibrated_otherwise", _PATH, sentence, _HINT)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same."""
        for sentence in _found(case):
            yield f"{sentence}; {_HINT}"


def _found(case: Case) -> Iterator[str]:
    framework = case.pricing.framework
    calibration = framework.get("calibration") if framework is not None else None
    if framework is None or calibration is None or not case.pricing.counts_framework:
        return
    there = {
        "optimizer": calibration["optimizer"],
        "processes": calibration["processes"],
        "cost model": calibration["cost_model"],
    }
    here = {
        "optimizer": case.workload.training.optimizer.name,
        "processes": case.topology.world.size,
        "cost model": case.pricing.value["name"],
    }
    differing = [key for key in there if there[key] != here[key]]
    if differing:
        theirs = ", ".join(f"{key} {there[key]}" for key in differing)
        ours = ", ".join(f"{key} {here[key]}" for key in differing)
        yield f"framework {framework['name']} was calibrated with {theirs}; here: {ours}"
