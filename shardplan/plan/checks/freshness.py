"""The plan was made from the inputs at hand."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from shardplan.plan.changes import changes
from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.plan import Plan

_MOST_CHANGES = 10


def check_freshness(plan: Plan, case: Case) -> Iterator[Finding]:
    """Names and hashes of spec, topology and cost model; where one differs, what changed."""
    then, now = plan.inputs, case.inputs
    for key, name, real_name in (
        ("name", plan.name, case.workload.name),
        ("inputs.topology.name", then.topology.name, now.topology.name),
        ("inputs.cost_model.name", then.cost_model.name, now.cost_model.name),
    ):
        if name != real_name:
            yield Finding("stale", key, f"was {name!r}, is {real_name!r}")
    for key, recorded, real in (
        ("topology", then.topology.sha256, now.topology.sha256),
        ("cost_model", then.cost_model.sha256, now.cost_model.sha256),
        ("spec_sha256", then.spec_sha256, now.spec_sha256),
    ):
        if recorded != real:
            message = f"was {recorded[:12]}, is {real[:12]}"
            yield Finding("stale", f"inputs.{key}", message)
    found = changes(plan.resolved or {}, case.resolved)
    for change in islice(found, _MOST_CHANGES):
        yield Finding("stale", change.where, f"was {change.was}, is {change.now}")
    more = sum(1 for _ in found)
    if more:
        yield Finding("stale", "resolved", f"{more} more values changed")
