"""The plan was made from the inputs at hand."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.plan import Plan

_MOST_CHANGES = 10
_ABSENT = object()


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
    changes = _changes(plan.resolved or {}, case.resolved, "")
    for where, message in islice(changes, _MOST_CHANGES):
        yield Finding("stale", where, message)
    more = sum(1 for _ in changes)
    if more:
        yield Finding("stale", "resolved", f"{more} more values changed")


def _changes(then: Any, now: Any, where: str) -> Iterator[tuple[str, str]]:
    """The leaves that differ between two specs; tables are paired by name, not by position."""
    old, new = _named(then), _named(now)
    if old is None or new is None:
        if then != now:
            yield where, f"was {_words(then)}, is {_words(now)}"
        return
    for key in dict.fromkeys((*old, *new)):
        inner = f"{where}.{key}" if where else str(key)
        yield from _changes(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)


def _named(value: Any) -> dict[Any, Any] | None:
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value):
        return {str(item["name"]): item for item in value}
    return None


def _words(value: Any) -> str:
    text = "absent" if value is _ABSENT else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
