"""A case with a corrected cost model, and that model as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan import units
from shardplan.cost.profile.corrections import Correction, Corrections
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.cost.select import read_cost_model, select_pricing
from shardplan.spec.catalog.source import Source
from shardplan.spec.fields.figure import Provenance
from shardplan.spec.text.document import Document

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.cost.select import Pricing

SOURCE = "tune"
"""The key under which the file says where its corrections are from."""
_DIGITS = 9


def can_correct(case: Case) -> bool:
    """Whether the case's cost model is of a kind that has corrections."""
    return bool(case.pricing.value.get("kind", "analytic") == "analytic")


def corrected_case(case: Case, corrections: Corrections, words: str = "") -> Case:
    """The case under its own cost model, corrected; what follows from it follows."""
    value = corrected_cost_model(case, corrections, words)
    return case.with_(pricing=_pricing(case.pricing, value))


def corrected_cost_model(case: Case, corrections: Corrections, words: str = "") -> dict[str, Any]:
    """The plain values of a cost-model file: the case's own, corrected once more.

    ``words`` say what the corrections rest on.
    """
    value = case.pricing.value
    own = read_cost_model(_source(value))
    assert isinstance(own, ProfileFile), "other kinds have no corrections"
    before = [
        Correction(
            each.phase, each.sharding, each.factor, each.per_step, each.per_table, each.per_group
        )
        for each in own.corrections
    ]
    after = _one_after_the_other(before, corrections)
    written = [_plain(each) for each in after]
    changed = value | {"corrections": written}
    if words:
        changed["sources"] = value.get("sources", {}) | {SOURCE: words}
        changed["corrections"] = [
            each | {"provenance": Provenance.MEASURED.value, "source": SOURCE} for each in written
        ]
    return changed


def _one_after_the_other(
    before: list[Correction], corrections: Corrections
) -> tuple[Correction, ...]:
    """Factors multiply; what was added before is multiplied by the factors that came after it."""
    found = {(each.phase, each.sharding): each for each in before}
    for key, each in found.items():
        whole = corrections.factor_of(each.phase)
        found[key] = replace(
            each,
            per_step_seconds=each.per_step_seconds * whole,
            per_table_seconds=each.per_table_seconds * whole,
            per_group_seconds=each.per_group_seconds * whole,
        )
    for more in corrections.each:
        key = more.phase, more.sharding
        own = found.get(key, Correction(*key))
        found[key] = replace(
            own,
            factor=own.factor * more.factor,
            per_step_seconds=own.per_step_seconds + more.per_step_seconds,
            per_table_seconds=own.per_table_seconds + more.per_table_seconds,
            per_group_seconds=own.per_group_seconds + more.per_group_seconds,
        )
    return tuple(found.values())


def _plain(each: Correction) -> dict[str, Any]:
    added = {
        "per_step": each.per_step_seconds,
        "per_table": each.per_table_seconds,
        "per_group": each.per_group_seconds,
    }
    found: dict[str, Any] = {"phase": each.phase}
    if each.sharding is not None:
        found["sharding"] = each.sharding.name
    if each.factor != 1:
        found["factor"] = float(f"{each.factor:.{_DIGITS}g}")
    return found | {
        key: units.exact_seconds(float(f"{seconds:.{_DIGITS}g}"))
        for key, seconds in added.items()
        if seconds
    }


def _pricing(pricing: Pricing, value: dict[str, Any]) -> Pricing:
    framework = None if pricing.framework is None else _source(pricing.framework)
    source = _source(value)
    return select_pricing(read_cost_model(source), source, Path(), framework)


def _source(value: dict[str, Any]) -> Source:
    return Source(str(value["name"]), Document(value, f"cost model {value['name']}"))
