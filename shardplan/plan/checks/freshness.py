"""The plan was made from the inputs at hand."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from shardplan.plan.carried import carries
from shardplan.plan.changes import changes
from shardplan.plan.file.provenance import Inputs
from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_MOST_CHANGES = 10
_KEYS = ("topology", "cost_model", "spec_sha256")


def check_freshness(plan: Plan, case: Case, own: Case | None) -> Iterator[Finding]:
    """Names and hashes of spec, topology and cost model; where one differs, what changed.

    ``own`` is the case of the spec that the plan carries, with the defaults of keys that came up
    after it was made; None where it carries none that can be read. A plan is fresh where its
    hashes are today's, and where they are of what it carries and that comes to the same as today.
    """
    then, now = plan.inputs, Inputs.of(case.resolved)
    carried = completed = None
    if own:
        completed = now if own is case else Inputs.of(own.resolved)
        carried = completed if carries(plan, own) else Inputs.of(plan.resolved or {})
    for key, name, real_name in (
        ("name", plan.name, case.workload.name),
        ("inputs.topology.name", then.topology.name, now.topology.name),
        ("inputs.cost_model.name", then.cost_model.name, now.cost_model.name),
    ):
        if name != real_name:
            yield Finding("stale", key, f"was {name!r}, is {real_name!r}")
    for key, recorded, written, same, real in zip(
        _KEYS, _hashes(then), _hashes(carried), _hashes(completed), _hashes(now), strict=True
    ):
        if recorded != real and (recorded, same) != (written, real):
            message = f"was {recorded[:12]}, is {real[:12]}"
            yield Finding("stale", f"inputs.{key}", message)
    found = changes(own.resolved if own else plan.resolved or {}, case.resolved)
    for change in islice(found, _MOST_CHANGES):
        yield Finding("stale", change.where, f"was {change.was}, is {change.now}")
    more = sum(1 for _ in found)
    if more:
        yield Finding("stale", "resolved", f"{more} more values changed")


def _hashes(inputs: Inputs | None) -> tuple[str, ...]:
    if inputs is None:
        return ("",) * len(_KEYS)
    return (inputs.topology.sha256, inputs.cost_model.sha256, inputs.spec_sha256)
