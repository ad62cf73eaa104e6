"""What an executor would run wrongly, or not at all, whatever the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.plan.checks.coverage import check_coverage
from shardplan.plan.checks.runtime import check_placements, check_rules
from shardplan.plan.finding import Finding
from shardplan.plan.planned import Planned
from shardplan.plan.recover import decision_of
from shardplan.workload.access import Uniform
from shardplan.workload.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.plan.file.table_facts import TableFacts
    from shardplan.sharding.device_kind import DeviceKind
    from shardplan.workload.collection import Collection
    from shardplan.workload.optimizers.optimizer import Optimizer


def geometry_faults(
    plan: Plan,
    devices: DeviceKind | None = None,
    optimizer: Optimizer | None = None,
    may_be_empty: Callable[[TableFacts], bool] = lambda _: True,
) -> Iterator[Finding]:
    """Shards that would not be looked up where the plan has them, or that kernels crash on.

    On such ``devices``, by default those of the plan. FBGEMM's limits on what is trained count
    where an ``optimizer`` is given. Of tables that ``may_be_empty`` some ranks may have no row.

    ``solve`` writes no such plan, but people edit plans: of rows cut unevenly, or placed in
    another order of ranks, TorchRec says nothing and trains other rows.
    """
    world = replace(plan.world, devices=devices) if devices else plan.world
    for position, facts in enumerate(plan.tables):
        entry = plan.plan.get(facts.module, {}).get(facts.name)
        if entry is None:
            continue
        collection = plan.collection_of(facts.module)
        planned = Planned(position, _table(facts, collection, entry), entry)
        rules = check_rules(planned, world, optimizer, may_be_empty=may_be_empty(facts))
        found = [*check_coverage(planned), *rules]
        found += check_placements(planned, world)
        if not found:
            decision = decision_of(planned, world)
            found = [decision] if isinstance(decision, Finding) else []
        yield from found


def _table(facts: TableFacts, collection: Collection, entry: TableEntry) -> Table:
    """As many of its ids are taken to be known as hot as the plan replicates."""
    return Table(
        name=facts.name,
        module=facts.module,
        rows=facts.rows,
        dim=facts.dim,
        dtype=facts.dtype,
        features=facts.features,
        poolings=(facts.pooling,),
        access=Uniform(),
        collection=collection,
        hot_ids=entry.replicated_rows or 0,
    )
