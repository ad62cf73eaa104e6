"""Whether a plan for serving is complete, legal, fits, and costs what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.file.optimality import gap_of
from shardplan.plan.file.rounding import differs
from shardplan.plan.finding import Finding
from shardplan.serving.build_plan import placed_entry, replica_forecast, served_forecast
from shardplan.serving.options.placed_table import QUANT, QUANT_UVM, QUANT_UVM_CACHING, PlacedTable
from shardplan.serving.options.way import ways
from shardplan.serving.peak_replicas import peak_replicas
from shardplan.serving.predict import predict
from shardplan.serving.served_case import served_case_of_value
from shardplan.serving.work import Work
from shardplan.sharding.kernel import MemoryTier
from shardplan.sharding.kind import ShardingType
from shardplan.units import format_bytes
from shardplan.workload.serving.row_cache import ASSOCIATIVITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan_model import PlanModel
    from shardplan.serving.file.placed_entry import PlacedEntry
    from shardplan.serving.file.served_plan import ServedPlan
    from shardplan.serving.predict import Predicted
    from shardplan.serving.served_case import ServedCase

_ROUNDING = 1e-9
_TIERS = {
    QUANT: MemoryTier.HBM,
    QUANT_UVM: MemoryTier.DDR,
    QUANT_UVM_CACHING: MemoryTier.DDR,
}
"""Where rows lie, by the kernels that read them."""


def verify_served(plan: ServedPlan, now: ServedCase | None = None) -> tuple[Finding, ...]:
    """All that is wrong with a plan by the spec that it carries, and what of its inputs is other
    than in the case of ``now``.

    Raises InputError where the spec inside the plan is broken.
    """
    findings = [
        Finding("stale", f"inputs.{part}", "is not the hash of what the plan carries")
        for part in plan.inputs.changed_in(plan.resolved)
    ]
    if now is not None:
        findings += [
            Finding("stale", f"inputs.{part}", "has changed since the plan was made")
            for part in plan.inputs.changed_in(now.resolved)
        ]
    case = served_case_of_value(plan.resolved, f"{plan.name} (resolved)")
    placed, illegal = _recovered(plan, case)
    findings += illegal
    if illegal:
        return tuple(findings)
    predicted = predict(case, placed)
    findings += _memory(case, predicted)
    findings += _demands(plan, case, predicted)
    findings += _prediction(plan, case, predicted)
    findings += _optimality(plan)
    return tuple(findings)


def _recovered(plan: ServedPlan, case: ServedCase) -> tuple[list[PlacedTable], list[Finding]]:
    """What was decided of each table, and which entries say what cannot be."""
    keys = [(each.table.module, each.table.name) for each in case.serving.tables]
    if keys != [(entry.module, entry.name) for entry in plan.tables]:
        return [], [Finding("coverage", "tables", "are not those of the spec, in its order")]
    placed, findings = [], []
    for index, entry in enumerate(plan.tables):
        where = f"tables[{index}]"
        found = _placed(case, index, entry)
        if isinstance(found, str):
            findings.append(Finding("runtime", where, f"{entry.name}: {found}"))
            continue
        placed.append(found)
        findings += _differences(entry, placed_entry(case, found), where)
    return placed, findings


def _placed(case: ServedCase, index: int, entry: PlacedEntry) -> PlacedTable | str:
    """What an entry stands for, or why it stands for nothing."""
    served = case.serving.tables[index]
    tier = _TIERS.get(entry.compute_kernel)
    if tier is None or not case.replica.has(tier):
        return f"nothing looks rows up by {entry.compute_kernel} there"
    is_cached = entry.compute_kernel == QUANT_UVM_CACHING
    if is_cached != (entry.cached_rows is not None) or (entry.cached_rows or 0) % ASSOCIATIVITY:
        return f"{entry.compute_kernel} has no cache of {entry.cached_rows} rows"
    if is_cached and case.profile.cache is None:
        return f"cost model {case.profile.name} knows nothing of caches"
    if entry.dtype not in served.losses:
        return f"rows are not offered in {entry.dtype}"
    pruned = None
    if entry.kept_rows is not None:
        pruned = next((each for each in served.prunings if each.kept == entry.kept_rows), None)
        if pruned is None or is_cached or entry.sharding_type == ShardingType.ROW_WISE.name:
            return f"it is not offered with {entry.kept_rows:,} rows"
    devices = tuple(shard.device for shard in entry.shards)
    for way in ways(case.replica.devices):
        if way.sharding.name == entry.sharding_type and way.devices == devices:
            return PlacedTable(index, entry.dtype, tier, way, entry.cached_rows, pruned)
    return f"{entry.sharding_type} does not lay shards on devices {devices}"


def _differences(entry: PlanModel, right: PlanModel, where: str) -> Iterator[Finding]:
    """Where a part of the file is not what follows from the decisions."""
    said, due = entry.model_dump(), right.model_dump()
    for key, value in due.items():
        if said[key] != value and not (
            isinstance(value, float) and not differs(float(said[key]), value)
        ):
            yield Finding("coverage", f"{where}.{key}", "does not follow from what was decided")


def _memory(case: ServedCase, predicted: Predicted) -> Iterator[Finding]:
    hbm, ddr = case.replica.capacity_bytes.tolist()
    for device, used in enumerate(predicted.hbm_bytes.tolist()):
        if used > hbm * (1 + _ROUNDING):
            message = f"needs {format_bytes(used)} of {format_bytes(hbm)}"
            yield Finding("memory", f"prediction.devices[{device}]", message)
    if predicted.ddr_bytes > ddr * (1 + _ROUNDING):
        message = f"needs {format_bytes(predicted.ddr_bytes)} of {format_bytes(ddr)}"
        yield Finding("memory", "prediction.ddr_bytes", message)


def _demands(plan: ServedPlan, case: ServedCase, predicted: Predicted) -> Iterator[Finding]:
    budget = case.serving.loss_at_most
    if budget is not None and predicted.quality_loss > budget * (1 + _ROUNDING):
        message = f"is {predicted.quality_loss:g}, and may be {budget:g}"
        yield Finding("quality", "prediction.quality_loss", message)
    limits = case.serving.replicas
    if plan.replicas.count > limits.most:
        message = f"is {plan.replicas.count:,}, and may be {limits.most:,}"
        yield Finding("replicas", "replicas.count", message)
    for index, each in enumerate(plan.prediction.unqueued):
        if each.seconds > each.limit_seconds:
            where = f"prediction.unqueued[{index}]"
            yield Finding("latency", where, f"{each.percentile} cannot be kept by queries alone")


def _prediction(plan: ServedPlan, case: ServedCase, predicted: Predicted) -> Iterator[Finding]:
    bound = plan.optimality.lower_bound_seconds
    work = Work.of(case.serving, predicted.service, bound)
    least = peak_replicas(case.serving, predicted.service, work)
    if least is None:
        yield Finding("replicas", "replicas.count", "none that there may be keeps load and limits")
        return
    replicas = replica_forecast(case, predicted, least, bound)
    due = served_forecast(case, predicted, replicas.count)
    for key, value in due.model_dump().items():
        if _unlike(plan.prediction.model_dump()[key], value):
            yield Finding("prediction", f"prediction.{key}", "is not what the plan costs")
    for key, value in replicas.model_dump().items():
        if _unlike(plan.replicas.model_dump()[key], value):
            yield Finding("replicas", f"replicas.{key}", f"does not follow: expected {value}")


def _unlike(said: object, due: object) -> bool:
    """Whether two values differ by more than the last digits of their numbers."""
    if isinstance(due, dict) and isinstance(said, dict):
        return said.keys() != due.keys() or any(_unlike(said[key], due[key]) for key in due)
    if isinstance(due, list | tuple) and isinstance(said, list | tuple):
        return len(said) != len(due) or any(map(_unlike, said, due))
    if isinstance(due, float) and isinstance(said, float):
        return differs(said, due)
    return said != due


def _optimality(plan: ServedPlan) -> Iterator[Finding]:
    claim = plan.optimality
    if differs(claim.objective_seconds, plan.prediction.batch_seconds):
        yield Finding("optimality", "optimality.objective_seconds", "is not the batch's seconds")
    if claim.lower_bound_seconds > claim.objective_seconds:
        yield Finding("optimality", "optimality.lower_bound_seconds", "is above the objective")
    due = gap_of(claim.objective_seconds, claim.lower_bound_seconds)
    if (claim.gap is None) != (due is None) or abs((claim.gap or 0) - (due or 0)) > _ROUNDING * 10:
        yield Finding("optimality", "optimality.gap", f"should be {due}")
