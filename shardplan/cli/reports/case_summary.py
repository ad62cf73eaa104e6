"""What is to be planned, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words.words import plural
from shardplan.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from shardplan.case import Case

_TIERS = ("hbm of each device", "ddr of each node", "ssd of each node")


@dataclass(frozen=True, slots=True)
class TierSummary:
    """One memory tier."""

    name: str
    capacity_bytes: int
    reserve_bytes: int
    base_bytes: int
    """Needed whatever the placement."""
    free_bytes: int
    """Left for tables; negative where nothing is."""


@dataclass(frozen=True, slots=True)
class DenseSummary:
    """The layers outside the tables."""

    layer_count: int
    parameters: int
    phase_seconds: dict[str, float]
    """By its parts; empty where the cost model predicts none."""


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """A case in numbers."""

    name: str
    table_count: int
    rows: int
    weight_bytes: int
    ids_per_sample: float
    lookups_per_step: float
    global_batch: int
    topology: str
    node_count: int
    device_count: int
    cost_model: str
    objective: str
    constraint_count: int
    tiers: tuple[TierSummary, ...]
    dense: DenseSummary | None = None
    """Only where the spec has layers."""


def case_summary(case: Case) -> CaseSummary:
    """Sum up a case."""
    tables, batch = case.workload.tables, case.samples
    ids = sum(table.ids_per_sample for table in tables)
    return CaseSummary(
        name=case.workload.name,
        table_count=len(tables),
        rows=sum(table.rows for table in tables),
        weight_bytes=sum(table.rows * table.row_bytes for table in tables),
        ids_per_sample=ids,
        lookups_per_step=ids * batch,
        global_batch=batch,
        topology=case.topology.name,
        node_count=case.topology.nodes,
        device_count=case.topology.world_size,
        cost_model=str(case.pricing.value["name"]),
        objective=case.objective,
        constraint_count=len(case.constraints),
        tiers=_tiers(case),
        dense=_dense(case),
    )


def case_report(summary: CaseSummary) -> Report:
    """A summary on a few lines."""
    found = summary
    each = found.device_count // found.node_count
    rows = (
        ("tables", f"{found.table_count:,} with {found.rows:,} rows"),
        ("weights", format_bytes(found.weight_bytes)),
        (
            "lookups",
            f"{found.lookups_per_step:,.0f} ids per step: {found.ids_per_sample:,g} for each of "
            f"{found.global_batch:,} samples",
        ),
        (
            "devices",
            f"{found.device_count:,} ({found.topology}, {plural(found.node_count, 'node')} of "
            f"{each})",
        ),
        *((("dense part", _dense_words(found.dense)),) if found.dense else ()),
        ("cost model", found.cost_model),
        ("objective", found.objective),
        ("constraints", f"{found.constraint_count:,}"),
        *((tier.name, _tier_words(tier)) for tier in found.tiers),
    )
    grid = Grid((Column(""), Column("", is_prose=True)), rows)
    return Report(f"{found.name}: the spec is good", (Section("To plan", grid=grid),))


def _dense(case: Case) -> DenseSummary | None:
    model = case.workload.training.dense
    if model is None:
        return None
    return DenseSummary(len(model.layers), model.parameters, case.cost_model.dense.phase_seconds)


def _dense_words(dense: DenseSummary) -> str:
    """``16,046,081 parameters in 4 layers: dense_forward 685 us, ...``."""
    layers = f"{dense.parameters:,} parameters in {plural(dense.layer_count, 'layer')}"
    parts = [f"{name} {format_seconds(took)}" for name, took in dense.phase_seconds.items()]
    return f"{layers}: {', '.join(parts)}" if parts else layers


def _tiers(case: Case) -> tuple[TierSummary, ...]:
    capacity = case.capacity
    arrays = (
        capacity.raw_bytes, capacity.reserve_bytes, capacity.base_bytes, capacity.free_bytes,
    )  # fmt: skip
    columns = zip(*(array.tolist() for array in arrays), strict=True)
    return tuple(
        TierSummary(name, *(int(value) for value in values))
        for name, values in zip(_TIERS, columns, strict=True)
        if values[0]
    )


def _tier_words(tier: TierSummary) -> str:
    base = f" and {format_bytes(tier.base_bytes)} for the rest" if tier.base_bytes else ""
    return (
        f"{format_bytes(tier.free_bytes)} for tables: {format_bytes(tier.capacity_bytes)} less "
        f"{format_bytes(tier.reserve_bytes)} kept free{base}"
    )
