"""What a spec tells of the step and the cost model has no terms for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.phases import INGEST, OVERHEAD
from shardplan.explain.advice.rule import Rule, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_HINT = "its steps compare with one another, and with no whole step"


class Unpriced(Rule):
    """Says that the step is without it: dense layers, a framework, a sync of replicas,
    an overhead, the input."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """At each key."""
        for code, path, sentence in _found(case):
            yield Warned(code, path, sentence, _HINT)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same."""
        for _, _, sentence in _found(case):
            yield f"{sentence}; {_HINT}"


def _found(case: Case) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """A code, the key in the spec, and what is to be said."""
    model = f"cost model {case.pricing.value['name']}"
    training = case.workload.training
    if training.dense is not None and not case.cost_model.dense.is_predicted:
        said = f"{model} predicts no dense layers: the step is without"
        yield "unpriced_layers", ("training", "dense", "layers"), said
    if case.pricing.framework is not None and not case.pricing.counts_framework:
        said = f"{model} counts no framework: the step is without"
        yield "unpriced_framework", ("training", "framework"), said
    if case.topology.replicas is not None and not case.pricing.counts_replica_sync:
        said = f"{model} counts no sync of replicas: the step is without"
        yield "unpriced_replicas", ("training", "replicas"), said
    phases = {phase.name for phase in case.cost_model.phases}
    if training.overhead_seconds and OVERHEAD.name not in phases:
        said = f"{model} counts no overhead: the step is without"
        yield "unpriced_overhead", ("training", "overhead_ms"), said
    if training.sample_bytes is not None and INGEST.name not in phases:
        said = "counts only under a cost model that predicts ingest, with a topology that has one"
        yield "unpriced_input", ("training", "input"), said
