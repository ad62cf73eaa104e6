"""Pipelines that look rows up before they are updated, or hide behind what is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.explain.advice.inexact.otherwise_trained import otherwise_trained
from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words.words import seconds as words_of
from shardplan.workload.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_EXACT = Pipeline.SPARSE_DIST


class StaleRows(Rule):
    """Says what stale rows change, and what they bring beside the pipeline that has none."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """What is learnt otherwise, and work of dense layers of which no time is known."""
        pipeline, path = case.workload.training.pipeline, ("training", "pipeline")
        if pipeline.notice:
            yield Warned("stale_rows", path, pipeline.notice, f"take {_EXACT} to train exactly")
        dense = case.cost_model.dense
        for cover in sorted(dense.covers):
            if not dense.covered_seconds(cover):
                hint = "write training.dense.layers, or the milliseconds of its parts"
                message = f"nothing hides behind {cover}, of which no time is known"
                yield Warned("empty_cover", path, message, hint)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Where rows are stale."""
        training = case.workload.training
        if not training.pipeline.notice:
            return
        found = otherwise_trained(plan, case, replace(training, pipeline=_EXACT))
        brings = ""
        if found is not None:
            seconds = (found.planned.step_seconds, found.otherwise.step_seconds)
            brings = f": the step takes {words_of(seconds[0])}, {words_of(seconds[1])} with it"
        yield f"{training.pipeline.notice}; {_EXACT} trains exactly{brings}"
