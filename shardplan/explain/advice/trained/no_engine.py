"""Jobs that are planned, and that no engine trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned
from shardplan.options import limits
from shardplan.workload.optimizers.trainable import native_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_HOT_ROWS = "hot rows"
_SUMS = "top-k or hierarchical sums"
_HINT = "leave one of the two out, or train it by a program of your own"


class NoEngine(Rule):
    """Names what the native engine alone has, beside what it does not train."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Of what plans of the spec may come to have."""
        training, spec = case.workload.training, case.spec.training
        has_groups = spec.replicas is not None and spec.replicas.groups != 1
        lacks = list(_lacks(case, has_groups=has_groups))
        keep = training.hot_rows and not all(map(limits.hot_rows_fault, case.workload.tables))
        for has, what, key in (
            (keep, _HOT_ROWS, "hot_rows"),
            (not training.reduction.is_torchrecs, _SUMS, "all_reduce"),
        ):
            for lack in lacks if has else ():
                yield Warned("no_engine", ("training", key), _sentence(what, lack), _HINT)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Of what the plan has."""
        kinds = {entry.sharding_type for each in plan.plan.values() for entry in each.values()}
        has_sums = not case.cost_model.reduction.is_torchrecs
        for has, what in (
            (any(kind.keeps_hot_rows for kind in kinds), _HOT_ROWS),
            (has_sums and any(kind.is_replicated for kind in kinds), _SUMS),
        ):
            for lack in _lacks(case, has_groups=plan.replicas is not None) if has else ():
                yield f"{_sentence(what, lack)}; {_HINT}"


def _lacks(case: Case, *, has_groups: bool) -> Iterator[str]:
    """What of a job the native engine does not train."""
    if fault := native_fault(case.workload.training):
        yield fault
    if has_groups:
        yield "training.replicas: TorchRec's DMPCollection alone keeps groups of devices alike"
    pipeline = case.workload.training.pipeline
    if pipeline.course.dense_covers:
        yield f"training.pipeline: TorchRec's {pipeline.torchrec} alone does so"
    if any(table.has_own_batches for table in case.workload.tables):
        yield "TorchRec alone has batches of a feature's own size"


def _sentence(what: str, lack: str) -> str:
    return (
        f"no engine trains {what} so: the native one alone has them, and does not train this job "
        f"({lack})"
    )
